/** What an action says about how it may be called. Travels to other nodes with the action's definition. */
import type { ActionHandler, ActionSchema } from 'moleculer';
import { PERMISSIONS, type Permission } from '../../models/security/permissions.js';

export interface ActionPolicy {
  /** What an API key must be allowed, with which services of other teams may call it. Default: only processes of this cluster may. */
  readonly publicFor?: Permission;
  /** Whether doing it twice is doing it once: callers then try again by themselves. Default false. */
  readonly isIdempotent?: boolean;
  /** Longest that one attempt may take, in ms, where the caller does not say. Default: the broker's `requestTimeout`. */
  readonly timeoutMs?: number;
  /** Calls that run at once on one node; more wait. Default: no limit. */
  readonly mostConcurrent?: number;
  /** Calls that may wait for a place; more are refused as OVERLOADED. Default 0. Only with `mostConcurrent`. */
  readonly mostQueued?: number;
}

/** Asks a node about itself. Answered from memory, or the node is not well: a probe waits 5 s at the most. */
export const ASK: ActionPolicy = { isIdempotent: true, timeoutMs: 4_000 };

/** An action with its policy. */
export function action(policy: ActionPolicy, handler: ActionHandler): ActionSchema {
  return { ...policy, handler };
}

/** The policy in a definition of ours or of another node: whatever has the wrong type counts as not said. */
export function policyOf(definition: ActionSchema | undefined): ActionPolicy {
  const { publicFor, isIdempotent, timeoutMs, mostConcurrent, mostQueued } = (definition ?? {}) as Record<
    string,
    unknown
  >;
  return {
    isIdempotent: isIdempotent === true,
    ...(isPermission(publicFor) && { publicFor }),
    ...(isPositive(timeoutMs) && { timeoutMs }),
    ...(isPositive(mostConcurrent) && { mostConcurrent }),
    ...(isPositive(mostQueued) && { mostQueued }),
  };
}

function isPermission(value: unknown): value is Permission {
  return PERMISSIONS.some((permission) => permission === value);
}

function isPositive(value: unknown): value is number {
  return typeof value === 'number' && value > 0;
}
