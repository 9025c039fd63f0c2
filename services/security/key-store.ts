/** Where API keys are kept. Only hashes are: a key itself is shown once and is nowhere. */
import { Type, type Static } from '@sinclair/typebox';
import { ROLES } from '../../models/security/permissions.js';

export const StoredKey = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 64 }),
  role: Type.Union(ROLES.map((role) => Type.Literal(role))),
  tenant: Type.String(),
  /** Of the role `device`: patterns of its devices. */
  devices: Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 256 }), { minItems: 1, maxItems: 100 })),
  sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
  createdMs: Type.Number(),
  /** Unix ms; absent: never. */
  expiresMs: Type.Optional(Type.Number()),
  /** First characters of the key, by which people recognise it. */
  prefix: Type.Optional(Type.String({ maxLength: 16 })),
  createdBy: Type.Optional(Type.String({ maxLength: 128 })),
});
export type StoredKey = Static<typeof StoredKey>;

/** Which key was taken back. */
export const Revocation = Type.Object({
  tenant: Type.String(),
  name: Type.String(),
  atMs: Type.Number(),
  by: Type.String({ maxLength: 128 }),
});
export type Revocation = Static<typeof Revocation>;

/** Adapters: `file-key-store.ts` (embedded), `log-key-store.ts` (cluster). */
export interface KeyStore {
  /** All keys as of now, oldest first. @throws StorageFailedError, StorageCorruptError */
  load(): Promise<readonly StoredKey[]>;

  /**
   * Keeps one more key; durable when it resolves.
   *
   * @returns false when others have added keys since the last `load`: load, and decide anew.
   * @throws StorageFailedError
   */
  add(key: StoredKey): Promise<boolean>;

  /**
   * Forgets a key; durable when it resolves. One that is not there is left alone.
   *
   * @returns false when others have changed keys since the last `load`: load, and decide anew.
   * @throws StorageFailedError
   */
  remove(revoked: Revocation): Promise<boolean>;
}
