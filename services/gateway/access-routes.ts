/** Keys, and who changed what. */
import { DEFAULT_TENANT } from '../../models/domain/identity.js';
import { formatTimestamp, parseTimestamp } from '../../models/domain/timestamp.js';
import { ForbiddenError, RequestInvalidError } from '../../models/errors.js';
import type { NodeContext } from '../node-context.js';
import type { ApiKeys, Principal } from '../security/api-keys.js';
import type { AuditLog } from '../security/audit-log.js';
import type { StoredKey } from '../security/key-store.js';
import type { KeyUse } from '../security/key-use.js';
import { HttpProblemError } from './problem.js';
import { integer, words, type Parameter } from './query.js';
import { sendJson } from './respond.js';
import { route, type RouteDefinition } from './route.js';
import { AuditPage, CreatedKey, CreateKey, KeyList, type Key } from './schemas/access.js';

const DEFAULT_ENTRIES = 100;
const MOST_ENTRIES = 1_000;
const MOST_TENANT = 63;

/** @param keys undefined while no keys are asked for (`AUTH=off`) */
export function accessRoutes(
  { clock }: Pick<NodeContext, 'clock'>,
  keys: () => ApiKeys | undefined,
  use: KeyUse,
  audit: AuditLog,
): readonly RouteDefinition[] {
  function requireKeys(): ApiKeys {
    const found = keys();
    if (found !== undefined) return found;
    throw new HttpProblemError(
      409,
      'Does not fit the present state',
      'with AUTH=off nobody needs a key, and none are made',
    );
  }

  const tenant = words(MOST_TENANT, 'Another tenant; only from `default`');

  async function keyView(stored: StoredKey): Promise<Key> {
    const { name, tenant: owner, role, devices, prefix, createdMs, createdBy, expiresMs } = stored;
    const nowMs = clock.wallMs();
    // To know when a key was used is not worth failing for.
    const usedMs = await use.lastUsedMs(owner, name, nowMs).catch(() => undefined);
    return {
      name,
      tenant: owner,
      role,
      ...(devices !== undefined && { devices }),
      ...(prefix !== undefined && { prefix }),
      created: formatTimestamp(createdMs),
      ...(createdBy !== undefined && { createdBy }),
      ...(expiresMs !== undefined && { expires: formatTimestamp(expiresMs) }),
      isExpired: expiresMs !== undefined && expiresMs <= nowMs,
      ...(usedMs !== undefined && { lastUsed: formatTimestamp(usedMs) }),
    };
  }

  return [
    route({
      method: 'GET',
      path: '/v1/keys',
      summary: 'Keys of the tenant, oldest first',
      tag: 'access',
      may: 'administer',
      query: { tenant },
      answers: { 200: { description: 'The keys, without what is secret', schema: KeyList } },
      async handle({ query, principal, response }) {
        const stored = await requireKeys().list(tenantFor(principal, query.tenant));
        sendJson(response, 200, { keys: await Promise.all(stored.map(keyView)) });
      },
    }),
    route({
      method: 'POST',
      path: '/v1/keys',
      summary: 'Make a key; it is shown once',
      tag: 'access',
      may: 'administer',
      body: CreateKey,
      answers: { 201: { description: 'The key', schema: CreatedKey } },
      async handle({ fields: { name, role, devices, expires, ...fields }, principal, response }) {
        const owner = tenantFor(principal, fields.tenant);
        if ((role === 'device') !== (devices !== undefined)) {
          throw new RequestInvalidError('devices must be given for the role device, and for no other');
        }
        const expiresMs = expires === undefined ? undefined : expiryOf(expires, clock.wallMs());
        const wish = {
          name,
          tenant: owner,
          role,
          by: principal.name,
          ...(devices !== undefined && { devices }),
          ...(expiresMs !== undefined && { expiresMs }),
        };
        const key = await requireKeys().create(wish);
        const stored = (await requireKeys().list(owner)).find((one) => one.name === name)!;
        sendJson(response, 201, { ...(await keyView(stored)), key });
      },
    }),
    route({
      method: 'DELETE',
      path: '/v1/keys/:name',
      summary: 'Take a key back',
      description: 'It is refused here at once, and by other gateways within 5 s.',
      tag: 'access',
      may: 'administer',
      query: { tenant },
      answers: { 204: { description: 'It is good for nothing any more' } },
      async handle({ params, query, principal, response }) {
        await requireKeys().revoke(tenantFor(principal, query.tenant), params['name'] ?? '', principal.name);
        response.writeHead(204).end();
      },
    }),
    route({
      method: 'GET',
      path: '/v1/audit',
      summary: 'Who changed what, newest first',
      description: 'An entry is written before its change: what cannot be written down is not done.',
      tag: 'access',
      may: 'administer',
      query: {
        tenant,
        limit: integer(1, MOST_ENTRIES, `Most entries of a page (default ${DEFAULT_ENTRIES})`),
        cursor: sequence,
      },
      answers: { 200: { description: 'A page of entries', schema: AuditPage } },
      async handle({ query, principal, response }) {
        const owner = tenantFor(principal, query.tenant);
        const { entries, next } = await audit.page(owner, query.limit ?? DEFAULT_ENTRIES, query.cursor);
        const shown = entries.map(({ atMs, by, role, from, action, target, details, request, failed }) => ({
          at: formatTimestamp(atMs),
          by,
          role,
          from,
          action,
          target,
          details,
          request,
          failed,
        }));
        sendJson(response, 200, { entries: shown, next });
      },
    }),
  ];
}

const sequence: Parameter<number> = integer(1, 9_007_199_254_740_991, '`next` of the page before');

/** Whose keys and entries are meant. @throws ForbiddenError for those of another tenant, except from the one that runs the cluster */
function tenantFor(principal: Principal, wanted: string | undefined): string {
  if (wanted === undefined || wanted === principal.tenant) return principal.tenant;
  if (principal.tenant !== DEFAULT_TENANT) throw new ForbiddenError('this is the data of another tenant');
  return wanted;
}

function expiryOf(text: string, nowMs: number): number {
  const timeMs = parseTimestamp(text);
  if (typeof timeMs !== 'number') throw new RequestInvalidError(`expires ${timeMs}`);
  if (timeMs <= nowMs) throw new RequestInvalidError('expires must lie in the future');
  return timeMs;
}
