/** Where API keys are kept. Only hashes are: a key itself is shown once and is nowhere. */
import { Type, type Static } from '@sinclair/typebox';

export const StoredKey = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 64 }),
  role: Type.Union([Type.Literal('admin')]),
  tenant: Type.String(),
  sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
  createdMs: Type.Number(),
});
export type StoredKey = Static<typeof StoredKey>;

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
}
