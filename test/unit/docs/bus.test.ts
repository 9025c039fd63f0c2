import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const TEXT = readFileSync(`${ROOT}docs/bus.md`, 'utf8');
const EXAMPLES = [...TEXT.matchAll(/```ts\n(.*?)```/gs)].map(([, code]) => code!);

/** What the compiler says of each text, as a file of `docs/`. */
function faultsOf(texts: readonly string[]): string[] {
  const { config } = ts.readConfigFile(`${ROOT}tsconfig.json`, (path) => ts.sys.readFile(path)) as { config: object };
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [], files: ['x.ts'] }, ts.sys, ROOT);
  const files = new Map(texts.map((text, i) => [`${ROOT}docs/bus-example-${i}.ts`, text]));
  const host = ts.createCompilerHost(options);
  const readFile = host.readFile.bind(host);
  const fileExists = host.fileExists.bind(host);
  host.readFile = (path) => files.get(path) ?? readFile(path);
  host.fileExists = (path) => files.has(path) || fileExists(path);
  const program = ts.createProgram([...files.keys()], options, host);
  return [...files.keys()].map((path) => {
    const file = program.getSourceFile(path);
    const faults = [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)];
    return faults.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n')).join('\n');
  });
}

describe('docs/bus.md', function () {
  // The compiler reads all that the types stand on.
  this.timeout(180_000);

  it('has examples that compile, and would be told of one that does not', () => {
    assert.equal(EXAMPLES.length, 3);
    const wrong = EXAMPLES[0]!.replace('temp: 71.2', "temp: 'hot'");
    const [fault, ...faults] = faultsOf([wrong, ...EXAMPLES]);
    assert.match(fault!, /not assignable to type 'number'/);
    assert.deepEqual(faults, ['', '', '']);
  });
});
