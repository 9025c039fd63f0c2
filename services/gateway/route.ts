/** What a route is, and what every request goes through before its handler: the caller's key, its rate, its query, its body. */
import type { ServerResponse } from 'node:http';
import type { Context } from 'moleculer';
import type { Static, TSchema } from '@sinclair/typebox';
import { actFor } from '../../mixins/bus/caller.js';
import { checkParams } from '../../mixins/params.js';
import type { Clock } from '../../mixins/clock.js';
import type { ReadingBatch } from '../../models/domain/reading-batch.js';
import type { Span, Tracer } from '../../mixins/tracing/tracer.js';
import { DEFAULT_TENANT } from '../../models/domain/identity.js';
import { ForbiddenError, StorageFailedError } from '../../models/errors.js';
import { isAllowed, type Permission } from '../../models/security/permissions.js';
import type { Principal } from '../security/api-keys.js';
import type { AuditEntry, AuditLog } from '../security/audit-log.js';
import type { AppendQueue } from './append-queue.js';
import type { Authenticate } from './authenticate.js';
import { requireMediaType, type BodyReader } from './body.js';
import { clientAddress } from './client-address.js';
import { parseJson } from './json-text.js';
import { HttpProblemError, toProblem } from './problem.js';
import { readQuery, type QueryOf, type QueryShape } from './query.js';
import type { RateLimit } from './rate-limit.js';
import type { WebRequest } from './web-request.js';

/** One request and its answer. */
export interface Exchange<Query = unknown, Fields = unknown> {
  readonly request: WebRequest;
  readonly response: ServerResponse;
  /** From the path, decoded. Checked by nobody yet. */
  readonly params: Readonly<Record<string, string>>;
  /** Checked. */
  readonly query: Query;
  /** The JSON body, checked. */
  readonly fields: Fields;
  readonly principal: Principal;
  /** Calls an action on the bus, for as long as a request may take. `nodeID`: at that node and no other. */
  readonly call: <T>(action: string, params: object, nodeID?: string) => Promise<T>;
  /** Puts readings of the tenant into the log; resolves when they are acknowledged. */
  readonly append: (batch: ReadingBatch) => Promise<void>;
  /** Counts readings against the limits of the key and its tenant. @throws RateLimitedError */
  readonly takeReadings: (readings: number) => Promise<void>;
}

export const METHODS = ['GET', 'POST', 'PUT', 'DELETE'] as const;
export type Method = (typeof METHODS)[number];

export const TAGS = [
  'readings',
  'devices',
  'alerts',
  'live',
  'predictions',
  'models',
  'access',
  'running',
  'pages',
] as const;

/** What may come back. */
export interface Answer {
  readonly description: string;
  /** Of a JSON body. */
  readonly schema?: TSchema;
  /** Of any other body. */
  readonly mediaType?: string | readonly string[];
  /** Names of headers that mean something here, with what they mean. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** A body that the handler reads by itself. */
export interface RawBody {
  readonly mediaTypes: readonly string[];
  /** Where one of them is JSON. */
  readonly schema?: TSchema;
  readonly examples?: Readonly<Record<string, string>>;
  readonly description?: string;
}

interface RouteFacts {
  readonly method: Method;
  /** Parts that begin with a colon are parameters. One part of the path each: a slash in an id comes as `%2F`. */
  readonly path: string;
  /** Says what it does, in a few words; the rest in `description`. */
  readonly summary: string;
  readonly description?: string;
  readonly tag: (typeof TAGS)[number];
  /** What a key must be allowed; `anybody`: no key at all. */
  readonly may: Permission | 'anybody';
  /** `data`: as often as the queues bear. Else at most `API_RATE_LIMIT` requests a minute a key. */
  readonly pace?: 'data';
  /** Headers of the request that mean something here. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly raw?: RawBody;
  /** By status. What goes wrong is a problem, everywhere alike, and is not named here. */
  readonly answers: Readonly<Record<number, Answer>>;
}

export interface RouteDefinition extends RouteFacts {
  readonly query: QueryShape | 'ignored';
  /** The JSON body; no body counts as `{}`. */
  readonly body: TSchema | undefined;
  readonly handle: (exchange: Exchange) => Promise<void> | void;
}

/**
 * A route. One place says what it takes, what it answers and who may ask: requests are checked against it, and the OpenAPI document
 * is made of it.
 *
 * `query`: what it takes, by default nothing; `ignored`: whatever probes and caches append.
 */
export function route<Shape extends QueryShape, Body extends TSchema>(
  definition: RouteFacts & {
    readonly query?: Shape | 'ignored';
    readonly body?: Body;
    readonly handle: (exchange: Exchange<QueryOf<Shape>, Static<Body>>) => Promise<void> | void;
  },
): RouteDefinition {
  const { query = {}, body, handle, ...facts } = definition;
  // What is checked has the type that its schema says.
  return { ...facts, query, body, handle: handle as RouteDefinition['handle'] };
}

export interface Door {
  readonly authenticate: Authenticate;
  readonly rateLimit: RateLimit;
  readonly audit: AuditLog;
  /** @throws OverloadedError when this process has too much to do already. */
  readonly refuseIfOverloaded: () => void;
  readonly appends: AppendQueue;
  /** For requests that did not come through the framework's router. */
  readonly newContext: () => Context;
  /** As `TRUSTED_PROXIES`. */
  readonly trustedProxies: number;
  readonly bodies: BodyReader;
  readonly clock: Clock;
  readonly requestTimeoutMs: number;
  /** Why the bus cannot be reached at this moment; undefined while it can. */
  readonly busOutage: () => string | undefined;
  readonly tracer: Tracer;
}

export type RouteHandler = (request: WebRequest, response: ServerResponse, next?: (error?: unknown) => void) => void;

const NOBODY: Principal = { name: 'nobody', tenant: DEFAULT_TENANT, role: 'viewer' };

/** @param door asked for at each request: it opens when the service has started. */
export function handlerFor(route: RouteDefinition, door: () => Door): RouteHandler {
  // Readings that come twice are duplicates, and a prediction changes nothing.
  const isRepeatable = route.method === 'GET' || route.pace === 'data';
  return (request, response, next) => {
    let span: Span | undefined;
    /** Writes down that a change failed. */
    let failed: (status: number) => Promise<void> | undefined = () => undefined;
    const run = async (): Promise<void> => {
      // A preflight is routed by the method that it asks about; it must not do what that method does.
      if (request.method === 'OPTIONS') throw methodNotAllowed([route.method]);
      const { authenticate, rateLimit, bodies, audit, appends, clock, requestTimeoutMs, tracer, busOutage } = door();
      // Probes and metrics are answered as long as anything is.
      if (route.tag !== 'running') door().refuseIfOverloaded();
      const principal = route.may === 'anybody' ? NOBODY : await authenticate(request);
      if (route.may !== 'anybody') {
        requirePermission(principal, route.may);
        if (route.pace !== 'data') await rateLimit.takeRequest(principal, response);
      }
      // Wherever a call goes, it goes for this person and this tenant.
      const asWhom = (): Context => {
        const context = request.$ctx ?? door().newContext();
        actFor(context, { kind: 'key', ...principal });
        return context;
      };
      // After the key: nobody else decides what is recorded.
      const isKnown = route.may !== 'anybody';
      span = isKnown ? tracer.begin(`${route.method} ${route.path}`, request.headers['traceparent']) : undefined;
      request.traceId = span?.traceId;
      const options = { timeout: requestTimeoutMs, ...(span && { headers: { traceparent: span.traceparent } }) };
      const { params } = request.$params;
      const query = route.query === 'ignored' ? {} : readQuery(request.$params.query, route.query);
      const fields = route.body === undefined ? undefined : await readFields(bodies, request, route.body);
      const isChange = route.method !== 'GET' && route.pace !== 'data';
      const entry = isChange ? auditEntry(route, request, fields, principal, door()) : undefined;
      // What cannot be written down is not done.
      if (entry !== undefined) await audit.append(entry);
      failed = (status) => entry && audit.append({ ...entry, atMs: clock.wallMs(), failed: status });
      await route.handle({
        request,
        response,
        params,
        query,
        fields,
        principal,
        append: (batch) => appends.add(principal.tenant, batch, span?.traceparent),
        takeReadings: (readings) => rateLimit.takeReadings(principal, response, readings),
        call: async (action, args, nodeID) => {
          failIf(busOutage());
          try {
            return await asWhom().call(action, args, { ...options, ...(nodeID !== undefined && { nodeID }) });
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
      // The answer has left with its reason, and that the change was tried is written down already.
      failed(toProblem(error, undefined).status)?.catch(() => undefined);
    });
  };
}

/** What is sent is kept up to so many characters. */
const MOST_DETAILS = 2_000;

function auditEntry(
  { method, path }: RouteDefinition,
  request: WebRequest,
  fields: unknown,
  { name, tenant, role }: Principal,
  { clock, trustedProxies }: Door,
): AuditEntry {
  const details = fields === undefined ? '{}' : JSON.stringify(fields);
  return {
    atMs: clock.wallMs(),
    tenant,
    by: name,
    role,
    from: clientAddress(request, trustedProxies),
    action: `${method} ${path}`,
    target: Object.fromEntries(Object.entries(request.$params.params).map(([part, id]) => [part, id.slice(0, 256)])),
    ...(details !== '{}' && { details: details.slice(0, MOST_DETAILS) }),
    request: request.headers['x-request-id'] as string,
  };
}

/** @throws ForbiddenError */
function requirePermission({ role, tenant }: Principal, permission: Permission): void {
  if (isAllowed(role, tenant, permission)) return;
  const ofWhom = permission.endsWith('-cluster') ? ', of the tenant that runs the cluster' : '';
  throw new ForbiddenError(
    `this needs a key that may ${permission.replace('-', ' the ')}${ofWhom}; this one is of a ${role}`,
  );
}

/** @throws StorageFailedError when there is an outage. */
export function failIf(outage: string | undefined, cause?: unknown): void {
  if (outage !== undefined) throw new StorageFailedError(outage, { cause });
}

export const isTimeout = (error: unknown): boolean => (error as { type?: unknown }).type === 'REQUEST_TIMEOUT';

export function methodNotAllowed(allowed: readonly string[]): HttpProblemError {
  const methods = allowed.includes('GET') ? [...allowed, 'HEAD'] : allowed;
  const detail = `this route takes ${methods.join(' or ')}`;
  return new HttpProblemError(405, 'Method not allowed', detail, { Allow: methods.join(', ') });
}

/** @throws RequestInvalidError naming the fields that do not fit `schema`. */
function readFields<S extends TSchema>(bodies: BodyReader, request: WebRequest, schema: S): Promise<Static<S>> {
  const { headers } = request;
  const hasBody = headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
  if (hasBody) requireMediaType(request, ['application/json']);
  return bodies.read(request, (body) => checkParams(schema, hasBody ? parseJson(body) : {}));
}
