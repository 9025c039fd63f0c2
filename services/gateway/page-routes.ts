import { send } from './respond.js';
import type { RouteDefinition } from './route.js';
import { loadStaticFiles, PAGE_HEADERS } from './static-files.js';

/** The live page and its parts: open, since they hold no data. The page asks for the key itself. */
export function pageRoutes(): readonly RouteDefinition[] {
  return loadStaticFiles().map(({ path, contentType, body, etag }) => ({
    method: 'GET',
    path,
    access: 'open',
    handle({ request, response }) {
      const headers = { ...PAGE_HEADERS, ETag: etag };
      if (request.headers['if-none-match'] === etag) response.writeHead(304, headers).end();
      else send(response, 200, contentType, body, headers);
    },
  }));
}
