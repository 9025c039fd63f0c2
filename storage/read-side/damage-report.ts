/**
 * What is done about damaged values of the read side: told and left out. The read side is only what people look at; one
 * damaged row must not keep the others from being shown, written down and forgotten in time.
 */
import { StorageCorruptError } from '../../models/errors.js';

/** Messages remembered; beyond that some are told again. */
const MOST_REMEMBERED = 1_000;

export class DamageReport {
  readonly #told = new Set<string>();
  readonly #onDamage: (message: string) => void;

  constructor(onDamage: (message: string) => void) {
    this.#onDamage = onDamage;
  }

  /** Once for each message: what is read at every request must not fill a log. */
  tell(message: string): void {
    if (this.#told.has(message)) return;
    if (this.#told.size >= MOST_REMEMBERED) this.#told.clear();
    this.#told.add(message);
    this.#onDamage(message);
  }

  /** What `read` returns; undefined, and told, when it throws a StorageCorruptError. */
  soundOf<T>(read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof StorageCorruptError)) throw error;
      this.tell(error.message);
      return undefined;
    }
  }
}
