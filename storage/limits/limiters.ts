/** Counting limits: so many points in a window, by name. In a cluster all gateways count together, in Redis. */
import type { Cluster, Redis } from 'ioredis';
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';

export interface LimitOptions {
  /** Tells limits apart; a fixed word. */
  readonly name: string;
  /** In one window, >= 1. */
  readonly points: number;
  readonly windowSec: number;
}

export interface LimitState {
  readonly isAllowed: boolean;
  readonly remaining: number;
  /** Until the window ends, in ms. */
  readonly resetMs: number;
}

export interface Limiter {
  /**
   * Takes points of a key, also when they are more than are left. More than a window has are allowed when none has been taken of it;
   * then nothing is for as long as they would have lasted. Never rejects: where Redis is away this process counts alone.
   */
  take(key: string, points: number): Promise<LimitState>;
}

export type OpenLimiter = (options: LimitOptions) => Limiter;

/** Counts in this process. */
export const memoryLimiter: OpenLimiter = ({ name, points, windowSec }) =>
  limiterOf(new RateLimiterMemory({ keyPrefix: name, points, duration: windowSec }), points, windowSec);

/** @param prefix of the keys in Redis */
export function redisLimiter(client: Redis | Cluster, prefix: string): OpenLimiter {
  return ({ name, points, windowSec }) => {
    const alone = new RateLimiterMemory({ keyPrefix: name, points, duration: windowSec });
    const shared = new RateLimiterRedis({
      storeClient: client,
      keyPrefix: `${prefix}:limit:${name}`,
      points,
      duration: windowSec,
      // A key that is over its limit is told so without asking Redis again.
      inMemoryBlockOnConsumed: points + 1,
      insuranceLimiter: alone,
      rejectIfRedisNotReady: true,
    });
    return limiterOf(shared, points, windowSec);
  };
}

function limiterOf(limiter: RateLimiterMemory | RateLimiterRedis, most: number, windowSec: number): Limiter {
  return {
    async take(key, points) {
      try {
        return stateOf(await limiter.consume(key, points), true);
      } catch (refusal) {
        // Neither Redis nor memory: nobody is held back by that.
        if (!(refusal instanceof RateLimiterRes)) return { isAllowed: true, remaining: most, resetMs: 0 };
        const isFirst = points > most && refusal.consumedPoints === points;
        if (!isFirst) return stateOf(refusal, false);
        const lastsSec = Math.ceil((points / most) * windowSec);
        await limiter.block(key, lastsSec).catch(() => undefined);
        return { isAllowed: true, remaining: 0, resetMs: 1_000 * lastsSec };
      }
    },
  };
}

function stateOf({ remainingPoints, msBeforeNext }: RateLimiterRes, isAllowed: boolean): LimitState {
  return { isAllowed, remaining: Math.max(0, remainingPoints), resetMs: Math.max(0, msBeforeNext) };
}
