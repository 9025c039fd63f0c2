/** Pages and files that are long: each holds some 10 MB until its reader has taken it, so a key gets few of them at once. */
import { OverloadedError } from '../../models/errors.js';
import type { Principal } from '../security/api-keys.js';

const MOST_A_KEY = 4;
const MOST = 24;
const RETRY_AFTER_MS = 2_000;

export class LongReads {
  readonly #running = new Map<string, number>();
  #all = 0;

  /** @throws OverloadedError while too many run, of this key or of all */
  async run<T>({ tenant, name }: Pick<Principal, 'tenant' | 'name'>, work: () => Promise<T>): Promise<T> {
    const key = `${tenant}/${name}`;
    const ofKey = this.#running.get(key) ?? 0;
    if (ofKey >= MOST_A_KEY)
      throw new OverloadedError(`at most ${MOST_A_KEY} long reads at once a key`, RETRY_AFTER_MS);
    if (this.#all >= MOST) throw new OverloadedError(`at most ${MOST} long reads at once`, RETRY_AFTER_MS);
    this.#running.set(key, ofKey + 1);
    this.#all++;
    try {
      return await work();
    } finally {
      this.#all--;
      const left = (this.#running.get(key) ?? 1) - 1;
      if (left === 0) this.#running.delete(key);
      else this.#running.set(key, left);
    }
  }
}
