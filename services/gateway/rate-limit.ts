/**
 * How much one key, and one tenant, may ask: requests a minute on the control routes, readings a second on the others. Answers
 * tell what is left (draft-ietf-httpapi-ratelimit-headers-10).
 */
import type { ServerResponse } from 'node:http';
import { RateLimitedError } from '../../models/errors.js';
import type { Settings } from '../../models/settings.js';
import type { Limiter, OpenLimiter } from '../../storage/limits/limiters.js';
import type { Principal } from '../security/api-keys.js';

const REQUESTS_WINDOW_SEC = 60;
/** Readings come in bursts: what counts is the average of so many seconds. */
const READINGS_WINDOW_SEC = 10;

interface Limit {
  readonly limiter: Limiter;
  readonly policy: string;
  readonly words: string;
  readonly most: number;
  readonly keyOf: (principal: Principal) => string;
}

const byKey = ({ tenant, name }: Principal): string => `${tenant}/${name}`;
const byTenant = ({ tenant }: Principal): string => tenant;

export class RateLimit {
  readonly #requests: readonly Limit[];
  readonly #readings: readonly Limit[];

  constructor(settings: Settings, open: OpenLimiter) {
    const { apiRateLimit, readingsPerSecond, tenantReadingsPerSecond, rateLimiting } = settings;
    const limit = (
      name: string,
      points: number,
      windowSec: number,
      words: string,
      keyOf: Limit['keyOf'],
    ): readonly Limit[] => {
      if (points === 0 || !rateLimiting) return [];
      const policy = `"${name}";q=${points};w=${windowSec}`;
      return [{ limiter: open({ name, points, windowSec }), policy, words, most: points, keyOf }];
    };
    const perWindow = (perSecond: number): number => perSecond * READINGS_WINDOW_SEC;
    this.#requests = limit('requests', apiRateLimit, REQUESTS_WINDOW_SEC, 'requests a minute a key', byKey);
    this.#readings = [
      ...limit('readings', perWindow(readingsPerSecond), READINGS_WINDOW_SEC, 'readings in 10 s a key', byKey),
      ...limit(
        'tenant-readings',
        perWindow(tenantReadingsPerSecond),
        READINGS_WINDOW_SEC,
        'readings in 10 s a tenant',
        byTenant,
      ),
    ];
  }

  /** Counts one request. @throws RateLimitedError with `data.retryAfterMs` */
  takeRequest(principal: Principal, response: ServerResponse): Promise<void> {
    return this.#take(this.#requests, principal, response, 1);
  }

  /** Counts the readings of one request, before any of them is taken. @throws RateLimitedError with `data.retryAfterMs` */
  takeReadings(principal: Principal, response: ServerResponse, readings: number): Promise<void> {
    return this.#take(this.#readings, principal, response, readings);
  }

  async #take(limits: readonly Limit[], principal: Principal, response: ServerResponse, points: number): Promise<void> {
    for (const { limiter, policy, words, most, keyOf } of limits) {
      const { isAllowed, remaining, resetMs } = await limiter.take(keyOf(principal), points);
      const name = policy.slice(0, policy.indexOf(';'));
      response.setHeader('RateLimit-Policy', policy);
      response.setHeader('RateLimit', `${name};r=${remaining};t=${Math.ceil(resetMs / 1_000)}`);
      if (!isAllowed) throw new RateLimitedError(`at most ${most} ${words}`, resetMs);
    }
  }
}
