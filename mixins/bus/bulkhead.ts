/**
 * How many calls of one action run at once, so that one slow action does not take the memory and the time of the others.
 *
 * Not the framework's bulkhead: it counts `this.actions.x()` and calls by name apart, runs what has waited longer than its
 * caller did, takes `maxQueueSize: 0` for no limit, and refuses with an error that does not say how long to wait.
 */
import { Errors, type ActionSchema, type Context, type Middleware } from 'moleculer';
import { OverloadedError } from '../../models/errors.js';
import { policyOf } from './action-policy.js';
import { wrapAction } from './wrap-action.js';

const RETRY_AFTER_MS = 1_000;

interface Waiting {
  readonly context: Context;
  /** By the monotonic clock; its caller has given up then. */
  readonly untilMs: number;
  readonly enter: () => void;
  readonly refuse: (error: Error) => void;
}

/** The places of one action. */
class Gate {
  readonly #places: number;
  readonly #mostQueued: number;
  readonly #name: string;
  #running = 0;
  #queue: Waiting[] = [];

  constructor(name: string, places: number, mostQueued: number) {
    this.#name = name;
    this.#places = places;
    this.#mostQueued = mostQueued;
  }

  /** Resolves when there is a place, which `leave` gives back. */
  enter(context: Context): Promise<void> | undefined {
    if (this.#running < this.#places) {
      this.#running++;
      return undefined;
    }
    const nowMs = performance.now();
    if (this.#queue.length >= this.#mostQueued) this.#queue = this.#queue.filter((waiting) => !giveUp(waiting, nowMs));
    if (this.#queue.length >= this.#mostQueued) {
      throw new OverloadedError(
        `at most ${this.#places} calls of ${this.#name} run and ${this.#mostQueued} wait on one node`,
        RETRY_AFTER_MS,
      );
    }
    const { timeout } = context.options;
    const untilMs = typeof timeout === 'number' && timeout > 0 ? nowMs + timeout : Infinity;
    return new Promise((enter, refuse) => this.#queue.push({ context, untilMs, enter, refuse }));
  }

  leave(): void {
    const nowMs = performance.now();
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      if (giveUp(next, nowMs)) continue;
      // The place passes on.
      next.enter();
      return;
    }
    this.#running--;
  }
}

/** Ends a wait that nobody waits for any more. */
function giveUp({ context, untilMs, refuse }: Waiting, nowMs: number): boolean {
  if (nowMs < untilMs) return false;
  refuse(new Errors.RequestSkippedError({ action: context.action?.name, nodeID: context.nodeID }));
  return true;
}

/** Keeps every action to its `mostConcurrent` and `mostQueued`. */
export function bulkhead(): Middleware {
  // By definition: the framework wraps each action twice, and both ways in share the places.
  const gates = new WeakMap<ActionSchema, Gate>();
  return {
    name: 'ActionBulkhead',
    localAction: wrapAction((next, definition) => {
      const { mostConcurrent, mostQueued } = policyOf(definition);
      if (mostConcurrent === undefined) return next;
      const gate = gates.get(definition) ?? new Gate(definition.name ?? '', mostConcurrent, mostQueued ?? 0);
      gates.set(definition, gate);
      return async (context) => {
        await gate.enter(context);
        try {
          return await next(context);
        } finally {
          gate.leave();
        }
      };
    }),
  };
}
