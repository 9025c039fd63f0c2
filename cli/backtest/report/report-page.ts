/** The report as one file: page, style, script, chart library and data. It asks no host for anything. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ReportData } from './report-data.js';

/** @throws Error when a file of the installation is missing. */
export async function reportPage(data: ReportData): Promise<string> {
  const web = reportFolder();
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

/** `web/` lies three folders up in a checkout, four in an installation, where this file is below `dist/`. */
function reportFolder(): string {
  const folders = ['../../../web/report/', '../../../../web/report/'].map((path) =>
    fileURLToPath(new URL(path, import.meta.url)),
  );
  return folders.find((folder) => existsSync(join(folder, 'report.html'))) ?? folders[0]!;
}
