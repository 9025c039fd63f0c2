/** How much of the log of an output topic is kept for looking at, beyond what its readers still need. Pure. */
import type { StreamState } from '../journal/journal.js';

export interface LogFloorInput {
  readonly state: StreamState;
  /** The highest sequence that no reader needs any more: stages' snapshots, the position of the read side. 0: all is needed. */
  readonly readersDone: number;
  /** First chunk that arrived within the time that is kept; `state.last + 1` when none did. See `LogHistory.firstAt`. */
  readonly firstInTime: number;
  /** Most bytes of this partition. */
  readonly maxBytes: number;
}

/**
 * @returns the lowest sequence to keep: what is below may be trimmed. Never below `state.first`, never above what a reader needs,
 *   and never the last record, which holds the position of who wrote it. By size only where the journal knows its bytes; a chunk
 *   counts as the average one.
 */
export function scoreLogFloor({ state, readersDone, firstInTime, maxBytes }: LogFloorInput): number {
  const { first, last, bytes } = state;
  const chunks = last - first + 1;
  if (chunks <= 0) return first;
  const firstInSize =
    bytes === undefined || bytes <= maxBytes ? first : first + Math.ceil(chunks * (1 - maxBytes / bytes));
  const floor = Math.max(firstInTime, firstInSize);
  return Math.max(first, Math.min(floor, readersDone + 1, last));
}
