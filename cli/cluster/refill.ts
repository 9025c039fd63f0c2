/** How far the read side is while it is filled again, from what the replicas say one look after the other. */
import type { ClusterAnswer } from './cluster-answer.js';

/** Stages whose results people see. */
const SHOWN_STAGES = new Set(['scorer', 'alerting']);

interface PartitionRefill {
  /** Where it was when it was first known how far it is, and the end then. What is committed later is not waited for. */
  readonly from: number;
  readonly target: number;
  readonly shown: number;
}

export class Refill {
  /** By stage and partition; undefined while nothing is known of it. */
  readonly #partitions = new Map<string, PartitionRefill | undefined>();

  /** @returns whether anything has come nearer since the look before. */
  look({ stages }: ClusterAnswer): boolean {
    let hasMoved = false;
    for (const { stage, partitions } of stages) {
      if (!SHOWN_STAGES.has(stage)) continue;
      for (const { partition, readSide } of partitions) {
        const key = `${stage} ${partition}`;
        const before = this.#partitions.get(key);
        if (readSide === null) {
          // It changes hands, or lost what it had: where it was is still the best that is known.
          this.#partitions.set(key, before);
          continue;
        }
        const shown = Math.max(readSide.shown, before?.shown ?? 0);
        hasMoved ||= before === undefined || shown > before.shown;
        this.#partitions.set(key, { from: before?.from ?? shown, target: before?.target ?? readSide.end, shown });
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
    for (const one of this.#partitions.values()) {
      if (one === undefined) continue;
      done += one.shown >= one.target ? 1 : (one.shown - one.from) / (one.target - one.from);
    }
    return done;
  }

  /** Chunks that are known to be missing. */
  get left(): number {
    let left = 0;
    for (const one of this.#partitions.values()) if (one !== undefined) left += Math.max(0, one.target - one.shown);
    return left;
  }

  /** False before the first look. */
  get isComplete(): boolean {
    const all = [...this.#partitions.values()];
    return all.length > 0 && all.every((one) => one !== undefined && one.shown >= one.target);
  }
}
