import { send } from './respond.js';
import { route, type RouteDefinition } from './route.js';
import { loadStaticFiles } from './static-files.js';

/** The live page and its parts: open, since they hold no data. The page asks for the key itself. */
export function pageRoutes(): readonly RouteDefinition[] {
  return loadStaticFiles().map(({ path, contentType, body, etag, headers }) =>
    route({
      method: 'GET',
      path,
      summary: 'A part of the live page',
      tag: 'pages',
      may: 'anybody',
      query: 'ignored',
      answers: {
        200: { description: 'The file', mediaType: contentType.split(';')[0]! },
        304: { description: 'As you have it' },
      },
      handle({ request, response }) {
        if (request.headers['if-none-match'] === etag) response.writeHead(304, headers).end();
        else send(response, 200, contentType, body, headers);
      },
    }),
  );
}
