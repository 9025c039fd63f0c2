/** Reports as one file each: page, style, script, chart library and data. They ask no host for anything. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * @param name folder below `web/` that has `report.html`, `report.css` and `report.js`
 * @param data what the script reads: anything that JSON can say
 * @throws Error when a file of the installation is missing.
 */
export async function reportPage(name: 'report' | 'training-report' | 'shadow-report', data: unknown): Promise<string> {
  const web = reportFolder(name);
  const uplot = join(dirname(createRequire(import.meta.url).resolve('uplot/package.json')), 'dist');
  const [page, style, script, chartStyle, chartScript] = await Promise.all([
    readFile(join(web, 'report.html'), 'utf8'),
    readFile(join(web, 'report.css'), 'utf8'),
    readFile(join(web, 'report.js'), 'utf8'),
    readFile(join(uplot, 'uPlot.min.css'), 'utf8'),
    readFile(join(uplot, 'uPlot.iife.min.js'), 'utf8'),
  ]);
  // A name from a file must not end the element that holds it.
  const json = JSON.stringify(data).replaceAll('<', '\\u003c');
  const parts: Readonly<Record<string, string>> = {
    style: `<style>\n${chartStyle}\n${style}</style>`,
    data: `<script type="application/json" id="data">${json}</script>`,
    script: `<script>\n${chartScript}\n${script}</script>`,
  };
  return page.replace(/<!-- (style|data|script) -->/g, (_, name: string) => parts[name]!);
}

/** `web/` lies beside `cli/` in a checkout, one folder further up in an installation, where this file is below `dist/`. */
function reportFolder(name: string): string {
  const folders = [`../web/${name}/`, `../../web/${name}/`].map((path) =>
    fileURLToPath(new URL(path, import.meta.url)),
  );
  return folders.find((folder) => existsSync(join(folder, 'report.html'))) ?? folders[0]!;
}
