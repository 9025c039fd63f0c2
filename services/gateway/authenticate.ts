/** Who asks, and whether a browser was talked into asking. */
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { DEFAULT_TENANT } from '../../models/domain/identity.js';
import { ForbiddenError, UnauthenticatedError } from '../../models/errors.js';
import { KEY_PREFIX, type ApiKeys, type Principal } from '../security/api-keys.js';
import type { VerifyToken } from '../security/json-web-tokens.js';

/** The one seam: whatever later decides about roles and tenants answers through this. */
export type Authenticate = (request: IncomingMessage) => Principal | Promise<Principal>;

const LOCAL: Principal = { name: 'local', tenant: DEFAULT_TENANT, role: 'admin' };

/**
 * Asks for a key: `Authorization: Bearer rsk_…` or `X-API-Key: rsk_…`; or for a token of the issuer that is named in the settings.
 *
 * @param used told whose key it was
 */
export function byKey(
  keys: ApiKeys,
  verifyToken: VerifyToken | undefined,
  used: (principal: Principal) => void,
): Authenticate {
  return async (request) => {
    const given = keyOf(request);
    if (given === undefined) {
      throw new UnauthenticatedError('send a key: Authorization: Bearer rsk_…, or X-API-Key: rsk_…');
    }
    if (verifyToken !== undefined && !given.startsWith(KEY_PREFIX)) return verifyToken(given);
    const principal = await keys.find(given);
    if (principal === undefined)
      throw new UnauthenticatedError('this key is not known, was taken back, or has expired');
    used(principal);
    return principal;
  };
}

/**
 * For `AUTH=off`, where the gateway is bound to loopback. A page of another site, open in the same browser, must not reach it:
 * neither by a request across sites, nor under a name that its owner lets point here (DNS rebinding).
 */
export const byLoopback: Authenticate = (request) => {
  const host = hostName(request.headers.host ?? '');
  if (host !== 'localhost' && !host.endsWith('.localhost') && isIP(host) === 0) {
    throw new ForbiddenError('with AUTH=off the Host header must be localhost or an address');
  }
  const { origin } = request.headers;
  if (origin !== undefined && origin !== `http://${request.headers.host ?? ''}`) {
    throw new ForbiddenError('with AUTH=off pages of other sites may not ask');
  }
  return LOCAL;
};

function keyOf(request: IncomingMessage): string | undefined {
  const { authorization } = request.headers;
  // `Token` is how clients of InfluxDB say it.
  if (authorization !== undefined) return /^(?:bearer|token) +(\S+)$/i.exec(authorization)?.[1];
  // The second is how clients of the Azure Anomaly Detector send theirs.
  const header = request.headers['x-api-key'] ?? request.headers['ocp-apim-subscription-key'];
  return typeof header === 'string' ? header : undefined;
}

/** `[::1]:8080` → `::1`, `localhost:8080` → `localhost`. */
function hostName(host: string): string {
  const bracketed = /^\[([^\]]*)\]/.exec(host);
  return (bracketed?.[1] ?? host.split(':')[0] ?? '').toLowerCase();
}
