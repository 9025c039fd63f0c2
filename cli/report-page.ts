/** Reports as one file each: page, style, script, chart library and data. They ask no host for anything. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Files below `web/`. */
const REPORTS = {
  backtest: { page: 'report/report.html', style: 'report/report.css', script: 'report/report.js' },
  training: {
    page: 'model-report/training.html',
    style: 'model-report/report.css',
    script: 'model-report/training.js',
  },
  shadow: { page: 'model-report/shadow.html', style: 'model-report/report.css', script: 'model-report/shadow.js' },
} as const;

/**
 * @param data what the script reads: anything that JSON can say
 * @throws Error when a file of the installation is missing.
 */
export async function reportPage(report: keyof typeof REPORTS, data: unknown): Promise<string> {
  const web = webFolder();
  const files = REPORTS[report];
  const uplot = join(dirname(createRequire(import.meta.url).resolve('uplot/package.json')), 'dist');
  const [page, style, script, chartStyle, chartScript] = await Promise.all([
    readFile(join(web, files.page), 'utf8'),
    readFile(join(web, files.style), 'utf8'),
    readFile(join(web, files.script), 'utf8'),
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
function webFolder(): string {
  const folders = ['../web/', '../../web/'].map((path) => fileURLToPath(new URL(path, import.meta.url)));
  return folders.find((folder) => existsSync(folder)) ?? folders[0]!;
}
