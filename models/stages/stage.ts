/**
 * A stage is a pure function over a partition's log: it is told records and time, and answers with records. Whoever runs
 * it (the stage host of a service, `redshank backtest`, a test) owns reading, committing and remembering.
 */
import type { ChunkHeader } from '../domain/chunk.js';

/** Add at the end alone: the place in this list is part of what lies on the disk. */
export const TOPICS = [
  'readings',
  'frames',
  'scores',
  'alerts',
  'registry',
  'secrets',
  'keys',
  'audit',
  'silences',
] as const;
export type Topic = (typeof TOPICS)[number];
/** Topics that are not divided: few records, and about no device. */
const WHOLE: readonly Topic[] = ['registry', 'secrets', 'keys', 'audit', 'silences'];

/** Topics about devices have all partitions; those of the cluster itself have one. */
export function partitionsOf(topic: Topic, partitions: number): number {
  return WHOLE.includes(topic) ? 1 : partitions;
}

export const STAGES = ['window', 'scorer', 'alerting'] as const;
export type StageName = (typeof STAGES)[number];

/** What a stage reads: one decoded chunk. */
export interface InputBatch {
  readonly length: number;
}

/** What a stage writes into: cleared and used again after each commit. */
export interface OutputBatch {
  readonly length: number;
  clear(): void;
  /** Appends record `i` of another batch of the same kind. */
  copyFrom(other: this, i: number): void;
  encode(header: Omit<ChunkHeader, 'kind'>): Uint8Array;
}

/**
 * @typeParam State everything a partition's owner remembers. Only `step` and `advance` change it.
 *
 * Determinism: equal input, from equal state, gives equal output and equal `snapshot` bytes, however the input is cut into
 * chunks. `restore(snapshot(state))` continues identically.
 */
export interface Stage<State, Input extends InputBatch, Output extends OutputBatch> {
  readonly name: StageName;
  readonly input: Topic;
  readonly output: Topic;

  createState(): State;
  decode(bytes: Uint8Array): Input;
  createOutput(): Output;

  /**
   * Fetches what `step` will need for `batch` beyond the log, and has not got yet: a trained model that a command names.
   *
   * @returns undefined when there is nothing to wait for
   */
  prepare?(batch: Input): Promise<void> | undefined;
  /** The same for `restore`. */
  prepareRestore?(bytes: Uint8Array): Promise<void> | undefined;

  /** Handles record `index` of `batch`; appends what follows from it to `out`. */
  step(state: State, batch: Input, index: number, out: Output): void;

  /**
   * Log time reached `timeMs` (Unix ms; the latest arrival time of the chunks since the state was created or restored; a
   * restored state that has seen a later one keeps that): lets deadlines pass.
   * Called after the last record of every chunk, and for chunks without records.
   */
  advance(state: State, timeMs: number, out: Output): void;

  /** Log time at which `advance` would have something to do; Infinity when nothing waits. The host then sends a tick. */
  wakeMs(state: State): number;

  /** How many devices the state holds. */
  deviceCount(state: State): number;

  /** Self-describing and versioned; starts with nothing about positions, which are the host's business. */
  snapshot(state: State): Uint8Array;
  /** @throws StorageCorruptError when `bytes` is no snapshot of this stage, or of a version that this code cannot read. */
  restore(bytes: Uint8Array): State;
}
