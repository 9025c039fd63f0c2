/** Who may do what: roles of people and devices, and what each is allowed. One table for HTTP and for the bus. */
import { DEFAULT_TENANT } from '../domain/identity.js';

/**
 * `device`: sends readings of its own devices. `writer`: of all devices of its tenant. `viewer`: looks. `operator`: looks, sends, and
 * answers alerts. `admin`: all of its tenant.
 */
export const ROLES = ['device', 'writer', 'viewer', 'operator', 'admin'] as const;
export type Role = (typeof ROLES)[number];

/**
 * `write` readings, ask for a `predict`ion, `read` devices, scores and alerts, `operate` alerts, `administer` keys and data: all of
 * one's own tenant. What is `-cluster` is of all tenants together (models, partitions, metrics): only keys of the tenant `default`
 * have it.
 */
export const PERMISSIONS = [
  'write',
  'predict',
  'read',
  'operate',
  'administer',
  'read-cluster',
  'operate-cluster',
  'administer-cluster',
] as const;
export type Permission = (typeof PERMISSIONS)[number];

const WRITER: readonly Permission[] = ['write', 'predict'];
const VIEWER: readonly Permission[] = ['predict', 'read', 'read-cluster'];
const OPERATOR: readonly Permission[] = [...WRITER, ...VIEWER, 'operate', 'operate-cluster'];

const ALLOWED: Readonly<Record<Role, ReadonlySet<Permission>>> = {
  device: new Set(['write']),
  writer: new Set(WRITER),
  viewer: new Set(VIEWER),
  operator: new Set(OPERATOR),
  admin: new Set(PERMISSIONS),
};

export function isRole(text: unknown): text is Role {
  return ROLES.some((role) => role === text);
}

/** @param role a word that is no role may do nothing */
export function isAllowed(role: string, tenant: string, permission: Permission): boolean {
  if (!isRole(role) || !ALLOWED[role].has(permission)) return false;
  return !permission.endsWith('-cluster') || tenant === DEFAULT_TENANT;
}
