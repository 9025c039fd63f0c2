/** The smallest honest stage: answers each reading with how many it has seen of that device. Its state is the whole history. */
import { ChunkKind, decodeChunk, encodeChunk } from '../../models/domain/chunk.js';
import { FrameBatch, FrameKind } from '../../models/domain/frame-batch.js';
import { OutcomeCode } from '../../models/domain/outcome.js';
import { ReadingBatch } from '../../models/domain/reading-batch.js';
import type { Stage } from '../../models/stages/stage.js';

export interface Tally {
  readonly counts: Map<string, number>;
  /** Log time at which the state wants to be told the time; Infinity: never. */
  wakeMs: number;
}

export const tallyStage: Stage<Tally, ReadingBatch, FrameBatch> = {
  name: 'window',
  input: 'readings',
  output: 'frames',
  createState: () => ({ counts: new Map(), wakeMs: Infinity }),
  decode: (bytes) => ReadingBatch.decode(bytes),
  createOutput: () => FrameBatch.create(),
  step(state, batch, i, out) {
    const key = batch.deviceKey(i);
    const count = (state.counts.get(key) ?? 0) + 1;
    state.counts.set(key, count);
    const timeMs = batch.timeMs.data[i]!;
    const start = out.add(FrameKind.frame, OutcomeCode.scored, key, timeMs, 0, 0, 0, 'standard', ['count']);
    out.values.data[start] = count;
    out.imputed.data[start] = 0;
  },
  advance(state, timeMs, out) {
    if (timeMs < state.wakeMs) return;
    out.add(FrameKind.silence, 0, 'default/clock', timeMs, timeMs, 0, 0, 'standard', []);
    state.wakeMs = Infinity;
  },
  wakeMs: (state) => state.wakeMs,
  deviceCount: (state) => state.counts.size,
  snapshot: (state) =>
    encodeChunk({ kind: ChunkKind.snapshot, epoch: 0, from: 0, to: 0, timeMs: 0 }, [
      [...state.counts.keys()],
      Float64Array.from(state.counts.values()),
    ]),
  restore(bytes) {
    const { sections } = decodeChunk(bytes, ChunkKind.snapshot);
    const counts = sections[1] as Float64Array;
    return { counts: new Map((sections[0] as string[]).map((key, i) => [key, counts[i]!])), wakeMs: Infinity };
  },
};
