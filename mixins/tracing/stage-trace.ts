import type { Span, Tracer } from './tracer.js';

/** What a partition runner tells whoever traces it. All of it is for watching; nothing here throws or waits. */
export interface TraceHook {
  /** A record went into the state, for the first time: not while replaying. @param traceparent of the record. */
  stepped(traceparent: string | undefined): void;
  /** What the commit that is about to be made carries; undefined when nothing in it is recorded. */
  committing(): string | undefined;
  /** The commit is durable, or has failed with `error`. */
  committed(error?: unknown): void;
}

/**
 * One span a commit, from the first recorded chunk that went into it until it is durable. Of several recorded chunks in one commit
 * the first is followed: the others waited for the same commit, and took less.
 */
export class StageTrace implements TraceHook {
  readonly #tracer: Tracer;
  readonly #stage: string;
  readonly #partition: number;
  #span: Span | undefined;

  constructor(tracer: Tracer, stage: string, partition: number) {
    this.#tracer = tracer;
    this.#stage = stage;
    this.#partition = partition;
  }

  /** Of the commit that is on its way, for log lines. */
  get traceId(): string | undefined {
    return this.#span?.traceId;
  }

  stepped(traceparent: string | undefined): void {
    if (traceparent === undefined || this.#span !== undefined) return;
    this.#span = this.#tracer.follow(this.#stage, traceparent, { 'redshank.partition': this.#partition });
  }

  committing(): string | undefined {
    return this.#span?.traceparent;
  }

  committed(error?: unknown): void {
    this.#span?.end(error);
    this.#span = undefined;
  }
}
