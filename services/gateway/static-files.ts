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
  readonly headers: Readonly<Record<string, string>>;
}

/** The page may load from us alone, and nobody may frame it. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/** The viewer of the API writes styles into its elements, and its icons are in its style sheet. */
const DOCS_POLICY = POLICY.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'").replace(
  "img-src 'self'",
  "img-src 'self' data:",
);
const HEADERS = {
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cache-Control': 'no-cache',
};

const JAVASCRIPT = 'text/javascript; charset=utf-8';
const CSS = 'text/css; charset=utf-8';
const HTML = 'text/html; charset=utf-8';

const PAGE: readonly (readonly [path: string, file: string, contentType: string])[] = [
  ['/', 'index.html', HTML],
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
  const uplot = join(packageFolder('uplot'), 'dist');
  const swagger = packageFolder('swagger-ui-dist');
  return [
    ...PAGE.map(([path, file, contentType]) => staticFile(path, join(web, file), contentType)),
    staticFile('/redshank-client.js', join(web, '../client/redshank-client.js'), JAVASCRIPT),
    staticFile('/vendor/uplot.js', join(uplot, 'uPlot.esm.js'), JAVASCRIPT),
    staticFile('/vendor/uplot.css', join(uplot, 'uPlot.min.css'), CSS),
    staticFile('/docs', join(web, 'docs/index.html'), HTML, DOCS_POLICY),
    staticFile('/docs/docs.js', join(web, 'docs/docs.js'), JAVASCRIPT),
    staticFile('/vendor/swagger-ui.js', join(swagger, 'swagger-ui-bundle.js'), JAVASCRIPT),
    staticFile('/vendor/swagger-ui.css', join(swagger, 'swagger-ui.css'), CSS),
  ];
}

/** `web/` lies two folders up in a checkout, three in an installation, where this file is below `dist/`. */
function webFolder(): string {
  const folders = ['../../web/', '../../../web/'].map((path) => fileURLToPath(new URL(path, import.meta.url)));
  return folders.find((folder) => existsSync(join(folder, 'index.html'))) ?? folders[0]!;
}

function packageFolder(name: string): string {
  return dirname(createRequire(import.meta.url).resolve(`${name}/package.json`));
}

function staticFile(path: string, file: string, contentType: string, policy = POLICY): StaticFile {
  const body = readFileSync(file);
  const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
  return { path, contentType, body, etag, headers: { ...HEADERS, 'Content-Security-Policy': policy, ETag: etag } };
}
