/** When each key was last used, to the minute. Kept on the read side, since nobody is let in or kept out by it. */
import type { ReadSide } from '../../storage/read-side/read-side.js';

const EVERY_MS = 60_000;
const KEEP_MS = 400 * 86_400_000;
/** Keys remembered as just noted; beyond, the oldest is noted once more than it need be. */
const MOST_NOTED = 10_000;

export class KeyUse {
  readonly #readSide: ReadSide;
  readonly #failed: (error: unknown) => void;
  readonly #noted = new Map<string, number>();

  constructor(readSide: ReadSide, failed: (error: unknown) => void) {
    this.#readSide = readSide;
    this.#failed = failed;
  }

  /** Does not wait. */
  note(tenant: string, name: string, nowMs: number): void {
    const key = `${tenant}/${name}`;
    if (nowMs - (this.#noted.get(key) ?? -Infinity) < EVERY_MS) return;
    this.#noted.delete(key);
    this.#noted.set(key, nowMs);
    const [oldest] = this.#noted.keys();
    if (this.#noted.size > MOST_NOTED && oldest !== undefined) this.#noted.delete(oldest);
    const bytes = Buffer.from(String(Math.floor(nowMs)));
    void this.#readSide.put('key-use', tenant, name, bytes, KEEP_MS, nowMs).catch(this.#failed);
  }

  /** @returns Unix ms; undefined: never, or it was forgotten */
  async lastUsedMs(tenant: string, name: string, nowMs: number): Promise<number | undefined> {
    const bytes = await this.#readSide.get('key-use', tenant, name, nowMs);
    return bytes === undefined ? undefined : Number(Buffer.from(bytes).toString());
  }
}
