/** What a route is, and what every request goes through before its handler: the caller's key, its rate, its body. */
import type { ServerResponse } from 'node:http';
import type { TSchema, Static } from '@sinclair/typebox';
import { actFor } from '../../mixins/bus/caller.js';
import { checkParams } from '../../mixins/params.js';
import type { Clock } from '../../mixins/clock.js';
import type { Span, Tracer } from '../../mixins/tracing/tracer.js';
import { DEFAULT_TENANT } from '../../models/domain/identity.js';
import { StorageFailedError } from '../../models/errors.js';
import type { Principal } from '../security/api-keys.js';
import type { Authenticate } from './authenticate.js';
import { requireMediaType, type BodyReader } from './body.js';
import { parseJson } from './json-text.js';
import { HttpProblemError } from './problem.js';
import type { RateLimit } from './rate-limit.js';
import type { WebRequest } from './web-request.js';

/** One request and its answer. */
export interface Exchange {
  readonly request: WebRequest;
  readonly response: ServerResponse;
  /** From the path, decoded. Checked by nobody yet. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly principal: Principal;
  /** Calls an action on the bus, for as long as a request may take. `nodeID`: at that node and no other. */
  readonly call: <T>(action: string, params: object, nodeID?: string) => Promise<T>;
}

export interface RouteDefinition {
  readonly method: 'GET' | 'POST';
  /** Parts that begin with a colon are parameters. One part of the path each: a slash in an id comes as `%2F`. */
  readonly path: string;
  /**
   * `open`: no key. `data`: a key; as often as the queues bear. `control`: a key, and at most `API_RATE_LIMIT` requests a minute.
   */
  readonly access: 'open' | 'data' | 'control';
  readonly handle: (exchange: Exchange) => Promise<void> | void;
}

export interface Door {
  readonly authenticate: Authenticate;
  readonly rateLimit: RateLimit | undefined;
  readonly clock: Clock;
  readonly requestTimeoutMs: number;
  /** Why the bus cannot be reached at this moment; undefined while it can. */
  readonly busOutage: () => string | undefined;
  readonly tracer: Tracer;
}

export type RouteHandler = (request: WebRequest, response: ServerResponse, next?: (error?: unknown) => void) => void;

const NOBODY: Principal = { name: 'nobody', tenant: DEFAULT_TENANT, role: 'admin' };

/** @param door asked for at each request: it opens when the service has started. */
export function handlerFor(route: RouteDefinition, door: () => Door): RouteHandler {
  // Readings that come twice are duplicates, and a prediction changes nothing.
  const isRepeatable = route.method === 'GET' || route.access === 'data';
  return (request, response, next) => {
    let span: Span | undefined;
    const run = async (): Promise<void> => {
      // A preflight is routed by the method that it asks about; it must not do what that method does.
      if (request.method === 'OPTIONS') throw methodNotAllowed([route.method]);
      const { authenticate, rateLimit, clock, requestTimeoutMs, tracer, busOutage } = door();
      const principal = route.access === 'open' ? NOBODY : await authenticate(request);
      if (route.access === 'control') rateLimit?.take(principal.name, clock.wallMs());
      // Wherever a call goes, it goes for this person and this tenant.
      actFor(request.$ctx, { kind: 'key', ...principal });
      // After the key: nobody else decides what is recorded.
      const isKnown = route.access !== 'open';
      span = isKnown ? tracer.begin(`${route.method} ${route.path}`, request.headers['traceparent']) : undefined;
      request.traceId = span?.traceId;
      const options = { timeout: requestTimeoutMs, ...(span && { headers: { traceparent: span.traceparent } }) };
      const { params, query } = request.$params;
      await route.handle({
        request,
        response,
        params,
        query,
        principal,
        call: async (action, args, nodeID) => {
          failIf(busOutage());
          try {
            return await request.$ctx.call(action, args, { ...options, ...(nodeID !== undefined && { nodeID }) });
          } catch (error) {
            // It left just before the bus broke: that no answer came is not the fault of who should have given it. Other calls may
            // have been carried out, and must not be sent again unseen.
            if (isTimeout(error) && isRepeatable) failIf(busOutage(), error);
            throw error;
          }
        },
      });
      span?.end();
    };
    run().catch((error: unknown) => {
      span?.end(error);
      next?.(error);
    });
  };
}

/** @throws StorageFailedError when there is an outage. */
function failIf(outage: string | undefined, cause?: unknown): void {
  if (outage !== undefined) throw new StorageFailedError(outage, { cause });
}

const isTimeout = (error: unknown): boolean => (error as { type?: unknown }).type === 'REQUEST_TIMEOUT';

export function methodNotAllowed(allowed: readonly string[]): HttpProblemError {
  const methods = allowed.includes('GET') ? [...allowed, 'HEAD'] : allowed;
  const detail = `this route takes ${methods.join(' or ')}`;
  return new HttpProblemError(405, 'Method not allowed', detail, { Allow: methods.join(', ') });
}

/**
 * The JSON body of a control request; no body counts as `{}`.
 *
 * @throws RequestInvalidError naming the fields that do not fit `schema`.
 */
export function readFields<S extends TSchema>(bodies: BodyReader, exchange: Exchange, schema: S): Promise<Static<S>> {
  const { headers } = exchange.request;
  const hasBody = headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
  if (hasBody) requireMediaType(exchange.request, ['application/json']);
  return bodies.read(exchange.request, (body) => checkParams(schema, hasBody ? parseJson(body) : {}));
}
