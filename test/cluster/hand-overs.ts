/** Measures from outside how long a partition's work stands still when its owner changes: by what appears in the logs. */
import { readChunkHeader } from '../../models/domain/chunk.js';
import type { StageName } from '../../models/stages/stage.js';
import type { CopiedTopic } from './log-copy.js';

export interface HandOver {
  readonly stage: StageName;
  readonly partition: number;
  /** Monotonic ms at which the new owner's first results came. */
  readonly atMs: number;
  /** From the last results of the old owner to the first of the new one, ms. Readings come all the time. */
  readonly pauseMs: number;
}

const STAGE_OF: Partial<Record<CopiedTopic, StageName>> = { frames: 'window', scores: 'scorer', alerts: 'alerting' };

interface Progress {
  epoch: number;
  atMs: number;
}

export class HandOvers {
  readonly all: HandOver[] = [];
  readonly #progress = new Map<string, Progress>();

  /** For `LogCopy.start`. */
  readonly note = (topic: CopiedTopic, partition: number, payload: Uint8Array): void => {
    const stage = STAGE_OF[topic];
    if (stage === undefined) return;
    const { epoch, from, to } = readChunkHeader(payload);
    // What only opens an epoch is no work yet.
    if (to === from) return;
    const nowMs = performance.now();
    const key = `${topic}.${partition}`;
    const before = this.#progress.get(key);
    if (before !== undefined && epoch > before.epoch)
      this.all.push({ stage, partition, atMs: nowMs, pauseMs: nowMs - before.atMs });
    this.#progress.set(key, { epoch: Math.max(epoch, before?.epoch ?? 0), atMs: nowMs });
  };

  since(atMs: number, stage?: StageName): HandOver[] {
    return this.all.filter((one) => one.atMs >= atMs && (stage === undefined || one.stage === stage));
  }
}

/** @returns undefined for no values. @param share 0.5 for the median, 1 for the largest. */
export function quantile(values: readonly number[], share: number): number | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
}
