/** JSON web tokens (RFC 7519) of an issuer that the settings name, as an alternative to keys of our own. */
import { createRemoteJWKSet, errors, jwtVerify, type JWTPayload, type JWTVerifyGetKey } from 'jose';
import { isTenantId } from '../../models/domain/identity.js';
import { StorageFailedError, UnauthenticatedError } from '../../models/errors.js';
import { isRole } from '../../models/security/permissions.js';
import type { Settings } from '../../models/settings.js';
import type { Principal } from './api-keys.js';

/** Those of a secret and those of a key pair are never mixed: a public key must not serve as a secret (RFC 8725, 2.1). */
const SECRET_ALGORITHMS = ['HS256', 'HS384', 'HS512'];
const KEY_ALGORITHMS = ['RS256', 'PS256', 'ES256', 'EdDSA'];
/** How far the clocks of issuer and gateway may be apart, in s. */
const CLOCK_SKEW_SEC = 30;
const JWKS_TIMEOUT_MS = 5_000;
const MOST_DEVICES = 100;
const MOST_NAME = 128;

export type VerifyToken = (token: string) => Promise<Principal>;

/** @returns undefined where the settings name no issuer */
export function tokenVerifier(settings: Settings): VerifyToken | undefined {
  const { jwtSecret, jwtJwksUrl, jwtIssuer, jwtAudience } = settings;
  const options = {
    requiredClaims: ['exp', 'sub'],
    clockTolerance: CLOCK_SKEW_SEC,
    ...(jwtIssuer !== undefined && { issuer: jwtIssuer }),
    ...(jwtAudience !== undefined && { audience: jwtAudience }),
  };
  let verify: (token: string) => Promise<JWTPayload>;
  if (jwtSecret !== undefined) {
    const secret = new TextEncoder().encode(jwtSecret);
    verify = async (token) => (await jwtVerify(token, secret, { ...options, algorithms: SECRET_ALGORITHMS })).payload;
  } else if (jwtJwksUrl !== undefined) {
    const keys: JWTVerifyGetKey = createRemoteJWKSet(new URL(jwtJwksUrl), { timeoutDuration: JWKS_TIMEOUT_MS });
    verify = async (token) => (await jwtVerify(token, keys, { ...options, algorithms: KEY_ALGORITHMS })).payload;
  } else return undefined;
  return async (token) => principalOf(await verify(token).catch(refuse));
}

/** @throws UnauthenticatedError a token that is no good. @throws StorageFailedError when the issuer's keys cannot be had. */
function refuse(error: unknown): never {
  const isOfToken =
    error instanceof errors.JOSEError &&
    !(error instanceof errors.JWKSTimeout) &&
    !(error instanceof errors.JWKSInvalid) &&
    error.code !== 'ERR_JOSE_GENERIC';
  if (!isOfToken) throw new StorageFailedError('the keys of the token’s issuer cannot be had now', { cause: error });
  const reason =
    error instanceof errors.JWTExpired
      ? 'has expired'
      : error instanceof errors.JWTClaimValidationFailed
        ? `is refused: its claim ${error.claim} is not as it must be`
        : 'is not one of ours, or was changed';
  throw new UnauthenticatedError(`this token ${reason}`);
}

/**
 * Whom a token speaks of: claims `sub`, `role`, `tenant` and, for the role `device`, `devices`. Nothing has a default: a token that was
 * made for something else must not open anything.
 */
function principalOf({ sub = '', role, tenant, devices }: JWTPayload): Principal {
  if (!isRole(role)) throw new UnauthenticatedError('the claim role of this token is not a role that is known');
  if (typeof tenant !== 'string' || !isTenantId(tenant)) {
    throw new UnauthenticatedError('the claim tenant of this token is not the name of a tenant');
  }
  const name = sub.slice(0, MOST_NAME);
  if (role !== 'device') return { name, tenant, role };
  const isList =
    Array.isArray(devices) &&
    devices.length >= 1 &&
    devices.length <= MOST_DEVICES &&
    devices.every((pattern) => typeof pattern === 'string' && pattern.length >= 1 && pattern.length <= 256);
  if (!isList) throw new UnauthenticatedError('a token of the role device must name its devices in the claim devices');
  return { name, tenant, role, devices: devices as string[] };
}
