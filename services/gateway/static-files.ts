/** The live page. Its files are named here one by one and read once: no path of a client ever reaches the disk. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface StaticFile {
  /** URL path, beginning with a slash. */
  readonly path: string;
  readonly contentType: string;
  readonly body: Buffer;
  readonly etag: string;
}

/** The page may load from us alone, and nobody may frame it. */
export const PAGE_HEADERS = {
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cache-Control': 'no-cache',
} as const;

const JAVASCRIPT = 'text/javascript; charset=utf-8';
const CSS = 'text/css; charset=utf-8';

const PAGE: readonly (readonly [path: string, file: string, contentType: string])[] = [
  ['/', 'index.html', 'text/html; charset=utf-8'],
  ['/app.js', 'app.js', JAVASCRIPT],
  ['/api.js', 'api.js', JAVASCRIPT],
  ['/alert-list.js', 'alert-list.js', JAVASCRIPT],
  ['/device-list.js', 'device-list.js', JAVASCRIPT],
  ['/device-chart.js', 'device-chart.js', JAVASCRIPT],
  ['/style.css', 'style.css', CSS],
  ['/favicon.svg', 'favicon.svg', 'image/svg+xml'],
];

/** @throws Error when a file of the installation is missing. */
export function loadStaticFiles(): readonly StaticFile[] {
  const web = webFolder();
  const uplot = join(dirname(createRequire(import.meta.url).resolve('uplot/package.json')), 'dist');
  return [
    ...PAGE.map(([path, file, contentType]) => staticFile(path, join(web, file), contentType)),
    staticFile('/vendor/uplot.js', join(uplot, 'uPlot.esm.js'), JAVASCRIPT),
    staticFile('/vendor/uplot.css', join(uplot, 'uPlot.min.css'), CSS),
  ];
}

/** `web/` lies two folders up in a checkout, three in an installation, where this file is below `dist/`. */
function webFolder(): string {
  const folders = ['../../web/', '../../../web/'].map((path) => fileURLToPath(new URL(path, import.meta.url)));
  return folders.find((folder) => existsSync(join(folder, 'index.html'))) ?? folders[0]!;
}

function staticFile(path: string, file: string, contentType: string): StaticFile {
  const body = readFileSync(file);
  return { path, contentType, body, etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"` };
}
