/**
 * `Idempotency-Key`: a request that is sent again after its answer is answered alike, and not done again.
 *
 * The answer is kept after the work is done, not together with it. A process that dies in between does the work twice; so does a
 * request that is sent again after a failure, or while the read side is away and nobody can say whether it came before.
 * Readings bear that: the stages score each of them once, and the second copy gets an outcome of its own (`duplicate` or
 * `late`).
 */
import { createHash } from 'node:crypto';
import { quoteValue } from '../../models/domain/quote-value.js';
import { ConflictError, RequestInvalidError } from '../../models/errors.js';
import type { ReadSide } from '../../storage/read-side/read-side.js';
import type { Principal } from '../security/api-keys.js';

const KEEP_MS = 86_400_000;
const RETRY_AFTER_MS = 1_000;

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

interface Kept extends Answer {
  readonly fingerprint: string;
}

export class Idempotency {
  readonly #readSide: ReadSide;
  /** Keys that are being worked on; as many as there are open requests. */
  readonly #running = new Set<string>();

  readonly #failed: (error: unknown) => void;

  /** @param failed is told when the answer to work that was done could not be kept, or looked up. */
  constructor(readSide: ReadSide, failed: (error: unknown) => void) {
    this.#readSide = readSide;
    this.#failed = failed;
  }

  /**
   * Runs `work` unless its answer for this key is known. Answers are kept for 24 h; failures are not, so they may be tried again.
   *
   * @param principal whose it is: others may number their requests alike
   * @param key the header as sent; undefined: just runs.
   * @throws RequestInvalidError for a bad key, or one that came with another body.
   * @throws ConflictError while the first request with this key is still running.
   */
  async once(
    { tenant, name }: Pick<Principal, 'tenant' | 'name'>,
    key: string | undefined,
    body: Buffer,
    nowMs: number,
    work: () => Promise<Answer>,
  ): Promise<Answer & { readonly isReplay: boolean }> {
    if (key === undefined) return { ...(await work()), isReplay: false };
    if (!/^[\x21-\x7e]{1,255}$/.test(key)) {
      throw new RequestInvalidError(`Idempotency-Key must be 1 to 255 visible characters, got ${quoteValue(key)}`);
    }
    const fingerprint = createHash('sha256').update(body).digest('hex');
    // The key has no space, so the last one divides.
    const own = `${name} ${key}`;
    const running = `${tenant} ${own}`;
    if (this.#running.has(running))
      throw new ConflictError('the first request with this Idempotency-Key is still running', {
        data: { retryAfterMs: RETRY_AFTER_MS },
      });
    this.#running.add(running);
    try {
      const kept = await this.#kept(tenant, own, nowMs);
      if (kept !== undefined) {
        if (kept.fingerprint === fingerprint) return { status: kept.status, body: kept.body, isReplay: true };
        throw new RequestInvalidError('this Idempotency-Key came before with another body');
      }
      const answer = await work();
      const value = Buffer.from(JSON.stringify({ fingerprint, ...answer } satisfies Kept));
      // The work is done: an answer that cannot be kept must not become a failure.
      await this.#readSide.put('idempotency', tenant, own, value, KEEP_MS, nowMs).catch(this.#failed);
      return { ...answer, isReplay: false };
    } finally {
      this.#running.delete(running);
    }
  }

  async #kept(tenant: string, key: string, nowMs: number): Promise<Kept | undefined> {
    // A reading that is refused is worse than one that comes twice.
    const bytes = await this.#readSide.get('idempotency', tenant, key, nowMs).catch((error: unknown) => {
      this.#failed(error);
      return undefined;
    });
    return bytes && (JSON.parse(Buffer.from(bytes).toString()) as Kept);
  }
}
