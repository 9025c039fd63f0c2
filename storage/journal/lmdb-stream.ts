/** What is known of one stream while the process runs. The owner of the folder is alone, so memory can be trusted. */
import { MESSAGE_ID_WINDOW, type StreamId } from './journal.js';

export class LmdbStream {
  readonly id: StreamId;
  /** Lowest sequence that is still there. */
  first: number;
  /** Highest sequence on the disk. Readers see no further. */
  durable: number;
  /** Highest sequence handed out; the records after `durable` are on their way to the disk. */
  head: number;
  /** Sequence by message id, oldest first; on the disk too. */
  readonly messageIds: Map<string, number>;
  /** Appends on their way, by message id: a repeat waits for the first one's end. */
  readonly pendingMessages = new Map<string, Promise<number>>();
  /** The trim under way, or the last one: one at a time. Never rejects. */
  trimming: Promise<void> = Promise.resolve();
  readonly #wakers = new Set<() => void>();

  constructor(id: StreamId, first: number, last: number, messageIds: Map<string, number>) {
    this.id = id;
    this.first = first;
    this.durable = last;
    this.head = last;
    this.messageIds = messageIds;
  }

  /** The sequences whose names fall out of the window when `count` names are added. */
  outOfWindow(count: number): readonly number[] {
    const excess = Math.max(0, this.messageIds.size + count - MESSAGE_ID_WINDOW);
    const sequences: number[] = [];
    for (const sequence of this.messageIds.values()) {
      if (sequences.length === excess) break;
      sequences.push(sequence);
    }
    return sequences;
  }

  remember(messageId: string, sequence: number): void {
    this.messageIds.set(messageId, sequence);
    if (this.messageIds.size <= MESSAGE_ID_WINDOW) return;
    const [oldest] = this.messageIds.keys();
    this.messageIds.delete(oldest!);
  }

  /** Calls `wake` once, at the next change; the function that it returns takes that back. */
  onChange(wake: () => void): () => void {
    this.#wakers.add(wake);
    return () => this.#wakers.delete(wake);
  }

  changed(): void {
    const wakers = [...this.#wakers];
    this.#wakers.clear();
    for (const wake of wakers) wake();
  }
}
