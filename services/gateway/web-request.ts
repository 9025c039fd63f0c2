/** What moleculer-web adds to a request, as far as we use it. Its own types are wider than what is really there. */
import type { IncomingMessage } from 'node:http';
import type { Context } from 'moleculer';

export interface WebAlias {
  readonly method: string;
  /** As in the route table, without the first slash. */
  readonly path: string;
  /** The decoded parameters, or false. @throws BadRequestError when the path cannot be decoded. */
  match(path: string): Record<string, string> | false;
}

export interface WebRequest extends IncomingMessage {
  /** Absent where the request did not come through the framework's router. */
  readonly $ctx?: Context;
  readonly $params: { readonly params: Readonly<Record<string, string>>; readonly query: URLSearchParams };
  /** The route that was found; undefined where there is none. */
  readonly $alias?: WebAlias;
  /** The trace that this request is recorded in, if it is. */
  traceId?: string | undefined;
  /** The path as sent, without query and trailing slash. */
  readonly parsedUrl?: string;
}
