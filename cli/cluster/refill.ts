/** How far the read side is while it is filled again, from what the replicas say one look after the other. */
import type { ClusterAnswer } from './cluster-answer.js';

/** Stages whose results people see. */
const SHOWN_STAGES = new Set(['scorer', 'alerting']);
/** Chunks. Under load something is always on its way: a partition that was ever so near counts as done. */
const NEAR = 4;

export class Refill {
  /** Stage and partition → the most that was missing, and what was missing at the last look. */
  readonly #partitions = new Map<string, { most: number; left: number | null; isDone: boolean }>();

  /** @returns whether anything has come nearer since the look before. */
  look({ stages }: ClusterAnswer): boolean {
    let hasMoved = false;
    for (const { stage, partitions } of stages) {
      if (!SHOWN_STAGES.has(stage)) continue;
      for (const { partition, unshown } of partitions) {
        const key = `${stage} ${partition}`;
        const before = this.#partitions.get(key) ?? { most: 0, left: null, isDone: false };
        const left = before.isDone ? 0 : unshown;
        const isDone = left !== null && left <= NEAR;
        hasMoved ||= isDone !== before.isDone || (left !== null && (before.left === null || left < before.left));
        this.#partitions.set(key, { most: Math.max(before.most, left ?? 0), left: isDone ? 0 : left, isDone });
      }
    }
    return hasMoved;
  }

  get partitions(): number {
    return this.#partitions.size;
  }

  /** 0 to `partitions`, parts of a partition counted. */
  get done(): number {
    let done = 0;
    for (const { most, left, isDone } of this.#partitions.values()) {
      if (isDone) done++;
      else if (left !== null && most > 0) done += 1 - left / most;
    }
    return done;
  }

  /** Chunks that are known to be missing. */
  get left(): number {
    let left = 0;
    for (const one of this.#partitions.values()) left += one.left ?? 0;
    return left;
  }

  /** False before the first look. */
  get isComplete(): boolean {
    return this.#partitions.size > 0 && [...this.#partitions.values()].every(({ isDone }) => isDone);
  }
}
