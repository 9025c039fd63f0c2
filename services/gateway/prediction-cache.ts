/** Answers of `/predict`, by what was asked: the same question has the same answer, whoever is asked. */
import { createHash } from 'node:crypto';
import type { Counter } from 'prom-client';
import type { Clock } from '../../mixins/clock.js';
import { canonicalJson } from '../../models/domain/canonical-json.js';
import type { ReadSide } from '../../storage/read-side/read-side.js';
import { packageVersion } from '../package-version.js';

export interface PredictionCacheOptions {
  readonly readSide: ReadSide;
  readonly clock: Clock;
  readonly isEnabled: boolean;
  readonly ttlMs: number;
  readonly looked: Counter<'result'>;
  /** Told when the cache does not answer; predictions are then made anew. */
  readonly failed: (error: unknown) => void;
}

export class PredictionCache {
  readonly #options: PredictionCacheOptions;

  constructor(options: PredictionCacheOptions) {
    this.#options = options;
  }

  /**
   * @param question all that the answer follows from, beside the release
   * @param answer makes it; told only when it is not known
   * @returns the answer as JSON, and whether it was known
   */
  async answer(tenant: string, question: object, answer: () => Promise<object>): Promise<readonly [string, boolean]> {
    const { readSide, clock, isEnabled, ttlMs, looked, failed } = this.#options;
    if (!isEnabled) return [JSON.stringify(await answer()), false];
    const text = canonicalJson({ release: packageVersion(), ...question });
    const key = createHash('sha256').update(text).digest('hex');
    const known = await readSide.get('cache', tenant, key, clock.wallMs()).catch((error: unknown) => {
      failed(error);
      return undefined;
    });
    looked.inc({ result: known === undefined ? 'miss' : 'hit' });
    if (known !== undefined) return [Buffer.from(known).toString(), true];
    const made = JSON.stringify(await answer());
    await readSide.put('cache', tenant, key, Buffer.from(made), ttlMs, clock.wallMs()).catch(failed);
    return [made, false];
  }
}
