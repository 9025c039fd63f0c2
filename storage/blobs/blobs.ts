/**
 * Blobs: snapshots and model artifacts. A blob is written once and never changed.
 *
 * Adapters: `file-blobs.ts` (embedded), `object-store-blobs.ts` (cluster). All pass `test/conformance/blobs.conformance.ts`.
 */

/**
 * Names are made by us alone, of `a–z 0–9 - . _` words divided by `/`, none of them `.` or `..`, for example
 * `snapshots/window/3/000000000512` or `models/4f2a…`. 256 characters at most.
 */
export type BlobName = string;

export interface Blobs {
  /**
   * Stores `bytes` under `name`, whole or not at all, and durable when it resolves. Writing a name again replaces the blob:
   * callers name blobs by content or position, so the bytes are the same.
   *
   * @throws RangeError for a bad name. @throws StorageFailedError when the disk or broker refuses.
   */
  put(name: BlobName, bytes: Uint8Array): Promise<void>;
  /** @returns undefined when there is no such blob. @throws StorageCorruptError when its bytes are not what was written. */
  get(name: BlobName): Promise<Uint8Array | undefined>;
  /** Names that start with `prefix` (a whole number of words, ending in `/`), ascending. */
  list(prefix: string): Promise<readonly BlobName[]>;
  /** No error when there is none. */
  delete(name: BlobName): Promise<void>;
}
