/**
 * Redshank in plain JavaScript, made once a test run: a process then starts in half the CPU time that it takes from TypeScript, and
 * the cluster tests start dozens.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const SOURCES = ['cli', 'mixins', 'models', 'services', 'storage', 'test/support', 'test/cluster', 'bench'];
/** What is read while running, or resolved from. */
const LINKED = ['node_modules', 'web', 'client', 'docs', 'package.json'];

let folder: string | undefined;

/** Arguments of node for a file of the source tree, for example `cli/main.ts`. */
export function compiled(source: string, ...args: readonly string[]): readonly string[] {
  folder ??= compileAll();
  return [join(folder, source.replace(/\.ts$/, '.js')), ...args];
}

function compileAll(): string {
  const target = mkdtempSync(join(tmpdir(), 'redshank-compiled-'));
  process.once('exit', () => rmSync(target, { recursive: true, force: true }));
  const files = SOURCES.flatMap((top) =>
    readdirSync(join(ROOT, top), { recursive: true, encoding: 'utf8' }).map((name) => join(top, name)),
  ).filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'));
  for (const name of [...files, 'moleculer.config.ts']) {
    const { outputText } = ts.transpileModule(readFileSync(join(ROOT, name), 'utf8'), {
      compilerOptions: {
        module: ts.ModuleKind.ESNext,
        target: ts.ScriptTarget.ES2023,
        verbatimModuleSyntax: true,
        inlineSourceMap: false,
      },
      fileName: name,
    });
    const output = join(target, name.replace(/\.ts$/, '.js'));
    mkdirSync(dirname(output), { recursive: true });
    writeFileSync(output, outputText);
  }
  for (const name of LINKED) symlinkSync(join(ROOT, name), join(target, name));
  return target;
}
