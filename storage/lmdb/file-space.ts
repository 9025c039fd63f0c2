/**
 * Room at the end of an LMDB file, taken before LMDB needs it.
 *
 * lmdb 3.5.6 writes the message of a failed write into a buffer that is too short for it (`mdb_page_flush` in mdb.c: 100
 * bytes; with a position of 8 digits it needs more), so a disk that fills up under a commit corrupts the heap and ends the
 * process. So LMDB never meets a full disk: the file is made longer with zeros first, and that failure is an ordinary error.
 * On file systems that copy on write (btrfs, zfs) zeros promise nothing, and the danger stays.
 */
import { closeSync, ftruncateSync, openSync, fstatSync, writeSync } from 'node:fs';
import { open } from 'node:fs/promises';

const STEP_BYTES = 4 * 2 ** 20;
const ZEROS = new Uint8Array(2 ** 18);

export class FileSpace {
  readonly #path: string;
  #bytes = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /** Length of the file. */
  get bytes(): number {
    return this.#bytes;
  }

  has(bytes: number): boolean {
    return bytes <= this.#bytes;
  }

  /** Makes the file `bytes` long at least. Nobody else may write to it meanwhile. @throws what the system says */
  async reach(bytes: number): Promise<void> {
    try {
      await this.#extend(Math.ceil(bytes / STEP_BYTES) * STEP_BYTES);
    } catch {
      // No room for a whole step; perhaps for what is needed.
      await this.#extend(bytes);
    }
  }

  /** The same at once, for the little that is needed to open. */
  reachNow(bytes: number): void {
    const file = openSync(this.#path, 'r+');
    try {
      this.#bytes = fstatSync(file).size;
      const before = this.#bytes;
      try {
        while (this.#bytes < bytes) {
          this.#bytes += writeSync(file, ZEROS, 0, Math.min(ZEROS.length, bytes - this.#bytes), this.#bytes);
        }
      } catch (error) {
        ftruncateSync(file, before);
        this.#bytes = before;
        throw error;
      }
    } finally {
      closeSync(file);
    }
  }

  async #extend(bytes: number): Promise<void> {
    const file = await open(this.#path, 'r+');
    try {
      const before = (await file.stat()).size;
      let length = before;
      try {
        while (length < bytes) {
          length += (await file.write(ZEROS, 0, Math.min(ZEROS.length, bytes - length), length)).bytesWritten;
        }
      } catch (error) {
        await file.truncate(before);
        throw error;
      }
      this.#bytes = length;
    } finally {
      await file.close();
    }
  }
}
