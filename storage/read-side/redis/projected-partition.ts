/**
 * The way of one partition's chunks into Redis: in order, several at once when more wait, one script in flight.
 *
 * What is believed of Redis (its position, and whatever `forget` drops) holds as long as Redis confirms it with each write.
 */
import { StorageFailedError } from '../../../models/errors.js';

/** What stands in Redis beside the data: the last chunk's sequence, and the version of what is there. */
export interface Standing {
  readonly sequence: number;
  readonly version: number;
}

export interface Chunk<Content> {
  readonly sequence: number;
  /** What must be shown before it: see `ReadSide.writeScores`. */
  readonly after: number;
  readonly content: Content;
  /** For the bound of what may wait: rows, or alerts. */
  readonly weight: number;
}

export interface WriteAnswer {
  /** False: Redis does not stand where it was thought to, and nothing was changed. */
  readonly isDone: boolean;
  /** Where it stands now. */
  readonly standing: Standing;
}

export interface ChunkStore<Content> {
  /** Names topic and partition in messages. */
  readonly name: string;
  standing(): Promise<Standing>;
  write(chunks: readonly Chunk<Content>[], expected: Standing): Promise<WriteAnswer>;
  /** Forget what was read from Redis. */
  forget(): void;
}

const MOST_CHUNKS_AT_ONCE = 256;
const MOST_WEIGHT_AT_ONCE = 5_000;
/** Beyond this a caller is told to come again: it reads from the log what it has not handed over. */
const MOST_WAITING_CHUNKS = 1_024;
const MOST_WAITING_WEIGHT = 200_000;
/** Others may write in between; writers that take turns for ever are none of ours. */
const ATTEMPTS = 5;

interface Waiting<Content> extends Chunk<Content> {
  readonly resolve: (kept: number) => void;
  readonly reject: (error: unknown) => void;
}

export class ProjectedPartition<Content> {
  readonly #store: ChunkStore<Content>;
  /** Undefined while it is not known. */
  #standing: Standing | undefined;
  readonly #waiting: Waiting<Content>[] = [];
  #waitingWeight = 0;
  #work: Promise<void> | undefined;

  constructor(store: ChunkStore<Content>) {
    this.#store = store;
  }

  /** Chunks that are not written yet, by weight. */
  get waitingWeight(): number {
    return this.#waitingWeight;
  }

  /** Asked of Redis. Changes nothing here: who asks need not be who writes. */
  async position(): Promise<number> {
    return (await this.#store.standing()).sequence;
  }

  /** @returns the position, once this chunk or a later one is in Redis. */
  write(sequence: number, after: number, content: Content, weight: number): Promise<number> {
    const isTooMuch =
      this.#waiting.length >= MOST_WAITING_CHUNKS ||
      (this.#waiting.length > 0 && this.#waitingWeight + weight > MOST_WAITING_WEIGHT);
    if (isTooMuch) {
      return Promise.reject(new StorageFailedError(`${this.#store.name}: too much waits to be written to Redis`));
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ sequence, after, content, weight, resolve, reject });
      this.#waitingWeight += weight;
      this.#work ??= this.#writeAll().finally(() => (this.#work = undefined));
    });
  }

  /** Resolves when nothing waits any more, written or not. */
  async settled(): Promise<void> {
    while (this.#work !== undefined) await this.#work;
  }

  async #writeAll(): Promise<void> {
    // After this turn: what is handed over in it goes together.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const taken = this.#take();
      try {
        const kept = await this.#write(taken);
        for (const { resolve } of taken) resolve(kept);
        for (const { weight } of taken) this.#waitingWeight -= weight;
      } catch (error) {
        this.#believe(undefined);
        // What waits stands on what has just failed.
        for (const { reject } of [...taken, ...this.#waiting.splice(0)]) reject(error);
        this.#waitingWeight = 0;
      }
    }
  }

  async #write(taken: readonly Chunk<Content>[]): Promise<number> {
    // Others may have written, and who delivers again may have seen that Redis went back: only what Redis has just said makes a
    // chunk an old one, or one that comes too early.
    const { sequence, after } = taken[0]!;
    const believed = this.#standing?.sequence ?? 0;
    if (sequence <= believed || after > believed) this.#standing = undefined;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      if (this.#standing === undefined) this.#believe(await this.#store.standing());
      const expected = this.#standing!;
      const news = this.#news(taken, expected.sequence);
      if (news.length === 0) return expected.sequence;
      const { isDone, standing } = await this.#store.write(news, expected);
      if (isDone) {
        this.#standing = standing;
        return standing.sequence;
      }
      // Another owner was quicker, with the same chunks from the same log; or Redis has lost something, then `#news` says so.
      this.#believe(standing);
    }
    throw new StorageFailedError(`${this.#store.name}: others write to Redis at the same time`);
  }

  /** Chunks that change something: those beyond what is shown. None may be missing before them. */
  #news(taken: readonly Chunk<Content>[], shown: number): readonly Chunk<Content>[] {
    const news: Chunk<Content>[] = [];
    let reached = shown;
    for (const chunk of taken) {
      if (chunk.sequence <= reached) continue;
      if (chunk.after > reached) {
        throw new StorageFailedError(
          `${this.#store.name}: Redis stands at ${reached}, not at ${chunk.after}: fill it from there`,
        );
      }
      news.push(chunk);
      reached = chunk.sequence;
    }
    return news;
  }

  #believe(standing: Standing | undefined): void {
    this.#standing = standing;
    this.#store.forget();
  }

  #take(): readonly Waiting<Content>[] {
    let weight = 0;
    let count = 0;
    while (count < Math.min(this.#waiting.length, MOST_CHUNKS_AT_ONCE)) {
      weight += this.#waiting[count]!.weight;
      if (count > 0 && weight > MOST_WEIGHT_AT_ONCE) break;
      count++;
    }
    return this.#waiting.splice(0, count);
  }
}

const STANDING = /^(\d+) (\d+)$/;

/** @param value of the field of the position; null: nothing is there. */
export function parseStanding(value: Buffer | null): Standing {
  const text = value?.toString() ?? '0 0';
  const [, sequence, version] = STANDING.exec(text) ?? [];
  if (sequence === undefined) {
    throw new StorageFailedError(`a position in Redis must be two numbers, got ${JSON.stringify(text.slice(0, 50))}`);
  }
  return { sequence: Number(sequence), version: Number(version) };
}

export function standingText({ sequence, version }: Standing): string {
  return `${sequence} ${version}`;
}
