/** Documents point at what is there: files, headings, commands, options, scripts. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { recordingTerminal } from '../cli/recording-terminal.js';
import { runCommandLine } from '../../../cli/program.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const PAGES = ['', 'docs', 'docs/runbooks', 'docs/decisions', 'k8s', 'k8s/nats', 'monitoring', 'models/formats']
  .flatMap((folder) => readdirSync(join(ROOT, folder)).map((name) => join(folder, name)))
  .filter((path) => path.endsWith('.md'));
const textOf = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

/** As GitHub makes it. */
const anchorsIn = (text: string): string[] =>
  [...text.matchAll(/^#+ (.*)$/gm)].map(([, title]) =>
    title!
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );

describe('documents', () => {
  for (const page of PAGES) {
    it(`${page} points at what is there`, () => {
      const text = textOf(page).replaceAll(/```.*?```/gs, '');
      for (const [, link] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
        if (/^[a-z]+:/.test(link!)) continue;
        const [path = '', anchor] = link!.split('#');
        const target = path === '' ? page : relative(ROOT, resolve(ROOT, dirname(page), path));
        assert.ok(existsSync(join(ROOT, target)), `${link}`);
        if (anchor !== undefined && statSync(join(ROOT, target)).isFile()) {
          assert.ok(anchorsIn(textOf(target)).includes(anchor), `${link}: there is no such heading`);
        }
      }
    });
  }

  it('use commands, options and scripts that there are', async () => {
    const { scripts } = JSON.parse(textOf('package.json')) as { scripts: Record<string, string> };
    const help = new Map<string, string>();
    const helpOf = async (...command: string[]): Promise<string> => {
      const name = command.join(' ');
      if (!help.has(name)) {
        const terminal = recordingTerminal();
        await runCommandLine([...command, '--help'], terminal);
        help.set(name, terminal.stdout.text + terminal.stderr.text);
      }
      return help.get(name)!;
    };
    const main = await helpOf();
    const faults: string[] = [];
    for (const page of PAGES) {
      for (const [, name] of textOf(page).matchAll(/\bnpm run (?:-s )?([a-z:]+)/g)) {
        if (scripts[name!] === undefined) faults.push(`${page}: npm run ${name}`);
      }
      for (const [, line] of textOf(page).matchAll(/\bnpx redshank ([^\n`#│]*)/g)) {
        const words = line!.trim().split(/\s+/);
        const [command = '', second = ''] = words;
        if (command === '' || command.startsWith('…') || command.startsWith('-')) continue;
        if (!new RegExp(`^ +${command}\\b`, 'm').test(main)) {
          faults.push(`${page}: redshank ${command}`);
          continue;
        }
        let own = await helpOf(command);
        if (new RegExp(`^ +${second}\\b`, 'm').test(/Commands:(.*)/s.exec(own)?.[1] ?? '') && second !== '')
          own += await helpOf(command, second);
        for (const option of words
          .filter((word) => word.startsWith('--'))
          .map((word) => word.replace(/[=,.;:)].*$/, ''))) {
          if (!own.includes(option) && !main.includes(option)) faults.push(`${page}: redshank ${command} ${option}`);
        }
      }
    }
    assert.deepEqual(faults, []);
  });
});
