/**
 * How calls are made: every one has a time limit, a NOT_OWNER is followed to the owner, and what may be done twice is tried again.
 *
 * The framework's own retry wraps one endpoint, cannot tell idempotent actions from others, waits without regard to the time that
 * is left, and is passed by when no endpoint can be chosen. Here the whole call is wrapped, choice of endpoint included.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { CallingOptions as FrameworkOptions, Middleware, ServiceBroker } from 'moleculer';
import { MOST_HOPS, nextAttempt } from '../../models/calls/retry-plan.js';
import { policyOf, type ActionPolicy } from './action-policy.js';
import type { BusMetrics } from './bus-metrics.js';

/** Longest time limit that a timer of Node can keep by far, in ms. */
const LONGEST_MS = 3_600_000;

/** Options of a call, with what `BusContext.call` adds. */
export interface CallingOptions extends FrameworkOptions {
  /** What the caller itself asked for; `timeout` is cut to what the parent call has left. */
  readonly askedTimeoutMs?: number | undefined;
}

export interface CallPolicyOptions {
  /** Time limit of calls for which neither the caller nor the action names one, in ms, > 0. */
  readonly defaultTimeoutMs: number;
  readonly metrics: BusMetrics;
  /** In [0, 1). Default `Math.random`. */
  readonly random?: () => number;
}

/**
 * Time limits of one call, in ms.
 *
 * `wholeMs`: what the caller asked for; else, where attempts may be repeated, the default, so that one attempt which times out is
 * not the end; else the action's own, else the default. Never longer than the parent call has left. `attemptMs`: of one attempt.
 */
export function timeLimits(
  asked: number | null | undefined,
  policy: ActionPolicy,
  defaultMs: number,
  parentLeftMs: number,
): { readonly wholeMs: number; readonly attemptMs: number } {
  const isAsked = typeof asked === 'number' && asked > 0;
  const own = policy.timeoutMs ?? defaultMs;
  const wanted = isAsked ? asked : policy.isIdempotent === true ? Math.max(own, defaultMs) : own;
  const wholeMs = Math.min(wanted, parentLeftMs, LONGEST_MS);
  return { wholeMs, attemptMs: policy.isIdempotent === true ? Math.min(own, wholeMs) : wholeMs };
}

export function callPolicy({ defaultTimeoutMs, metrics, random = Math.random }: CallPolicyOptions): Middleware {
  let broker: ServiceBroker | undefined;

  const call =
    (next: ServiceBroker['call']) =>
    (name: string, params: unknown, options: CallingOptions = {}): Promise<unknown> => {
      // The framework calls again with the context of the first attempt: that one went through here.
      if (options.ctx != null) return next(name, params, options);
      const known = broker?.registry.getActionEndpoints(name) as { endpoints?: { action?: object }[] } | undefined;
      return attempts(next, name, params, options, policyOf(known?.endpoints?.[0]?.action));
    };

  async function attempts(
    next: ServiceBroker['call'],
    name: string,
    params: unknown,
    options: CallingOptions,
    policy: ActionPolicy,
  ): Promise<unknown> {
    const { parentCtx, askedTimeoutMs, timeout } = options;
    const asked = parentCtx == null ? timeout : askedTimeoutMs;
    const parentLeftMs = parentCtx != null && typeof timeout === 'number' && timeout > 0 ? timeout : Infinity;
    const { wholeMs, attemptMs } = timeLimits(asked, policy, defaultTimeoutMs, parentLeftMs);
    const deadlineMs = performance.now() + wholeMs;
    const isIdempotent = policy.isIdempotent === true;
    let leftMs = wholeMs;
    let retries = 0;
    let hops = 0;
    let node = options.nodeID;
    for (;;) {
      try {
        // Called before anything is awaited: the framework takes the context of the call from the first synchronous attempt.
        return await next(name, params, {
          ...options,
          timeout: Math.min(attemptMs, leftMs),
          ...(node !== undefined && { nodeID: node }),
        });
      } catch (error) {
        leftMs = deadlineMs - performance.now();
        if (leftMs <= 0) throw error;
        const failed = { error, action: name, isIdempotent, retries, hops, leftMs };
        let plan = nextAttempt(failed, random());
        // An owner that is gone, or one that the caller would not have: choose anew.
        const isFollowable = options.nodeID === undefined && isAvailable(broker, plan?.node);
        if (plan?.node !== undefined && !isFollowable) plan = nextAttempt({ ...failed, hops: MOST_HOPS }, random());
        if (plan === undefined) throw error;
        metrics.retries.inc({ reason: plan.node === undefined ? 'transient' : 'owner' });
        node = plan.node ?? options.nodeID;
        if (plan.node !== undefined) hops++;
        else retries++;
        if (plan.waitMs > 0) await sleep(plan.waitMs);
        leftMs = deadlineMs - performance.now();
        if (leftMs <= 0) throw error;
      }
    }
  }

  return {
    name: 'CallPolicy',
    // The hook for `call` is not told whose it is.
    created: (owner) => (broker = owner),
    call: call as unknown as NonNullable<Middleware['call']>,
  };
}

/** The framework's types say that every node is known. */
interface KnownNode {
  readonly available: boolean;
}

function isAvailable(broker: ServiceBroker | undefined, node: string | undefined): boolean {
  const known = node === undefined ? undefined : (broker?.registry.nodes.get(node) as KnownNode | undefined);
  return known?.available === true;
}
