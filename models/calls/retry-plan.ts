/** What to do about a call that failed: again, where, and when. */

export interface FailedCall {
  /** What went wrong; matched on `type`, since classes do not survive every wire. */
  readonly error: unknown;
  readonly action: string;
  /** Whether doing it twice is doing it once. */
  readonly isIdempotent: boolean;
  /** Repetitions so far that waited. */
  readonly retries: number;
  /** Times so far that a NOT_OWNER was followed. */
  readonly hops: number;
  /** Time left for the whole call, in ms. */
  readonly leftMs: number;
}

export interface NextAttempt {
  readonly waitMs: number;
  /** The node to call; undefined: whichever is chosen for the call. */
  readonly node?: string | undefined;
}

export const MOST_HOPS = 3;
export const MOST_RETRIES = 3;
/** 50, 100, 200 ms: three repetitions outlast a partition that moves, and not a person's patience. */
const FIRST_WAIT_MS = 50;

/** Failures after which the same call may succeed. Names of the framework beside our own. */
const TRANSIENT: ReadonlySet<unknown> = new Set([
  'NOT_OWNER',
  'OVERLOADED',
  'MODEL_UNAVAILABLE',
  'STORAGE_FAILED',
  'SERVICE_NOT_AVAILABLE',
  'SERVICE_NOT_FOUND',
  'REQUEST_REJECTED',
  'REQUEST_TIMEOUT',
]);

/**
 * @param random01 in [0, 1): spreads callers that failed together.
 * @returns undefined when the caller should be told.
 */
export function nextAttempt(call: FailedCall, random01: number): NextAttempt | undefined {
  const { type, data } = call.error as { readonly type?: unknown; readonly data?: Readonly<Record<string, unknown>> };
  const { owner, refusedBy, retryAfterMs } = data ?? {};
  // Only of the action itself: one that failed on a call of its own may have done half of its work.
  const isUntouched = type === 'NOT_OWNER' && refusedBy === call.action;
  if (isUntouched && typeof owner === 'string' && call.hops < MOST_HOPS) return { waitMs: 0, node: owner };
  if (!TRANSIENT.has(type) || !(call.isIdempotent || isUntouched) || call.retries >= MOST_RETRIES) return undefined;
  // Half fixed, half by chance: all by chance would send some of them again at once.
  const backoffMs = FIRST_WAIT_MS * 2 ** call.retries * (0.5 + random01 / 2);
  const waitMs = typeof retryAfterMs === 'number' && retryAfterMs > backoffMs ? retryAfterMs : backoffMs;
  return waitMs < call.leftMs ? { waitMs } : undefined;
}
