/**
 * Readings of many requests leave together: while a call is under way, what comes is collected, and goes with the next one. So single
 * readings of many devices cost a share of a call, and a request that comes alone does not wait.
 *
 * Each request is answered when the call that carried its readings is: acknowledged together, or failed together.
 */
import { ReadingBatch } from '../../models/domain/reading-batch.js';

/** Sends readings of one tenant; resolves when they are acknowledged. */
export type SendReadings = (tenant: string, batch: ReadingBatch, traceparent: string | undefined) => Promise<void>;

/**
 * A call carries so many bytes, and what one more reading has, 36 KB at the most: in base64 and with all that goes with a call it then
 * stays below the 1 MB that a NATS message may have by default.
 */
export const MOST_BATCH_BYTES = 640_000;

interface Group {
  readonly batch: ReadingBatch;
  /** Of the first request in it that is traced: the others are not followed further. */
  traceparent: string | undefined;
  readonly whenSent: Promise<void>;
  readonly settle: (failure?: Error) => void;
}

/** Groups of one tenant that wait while a call is under way, oldest first; bounded by the bodies that the gateway holds. */
type Lane = Group[];

export class AppendQueue {
  readonly #send: SendReadings;
  /** Tenants with a call under way. */
  readonly #lanes = new Map<string, Lane>();

  constructor(send: SendReadings) {
    this.#send = send;
  }

  /** Resolves when all of `batch` is acknowledged; until then it must not change. @throws whatever sending throws */
  add(tenant: string, batch: ReadingBatch, traceparent?: string): Promise<void> {
    const lane = this.#lanes.get(tenant);
    if (lane === undefined) {
      // Alone: it is sent as it is.
      const waiting: Lane = [];
      this.#lanes.set(tenant, waiting);
      return this.#send(tenant, batch, traceparent).finally(() => this.#next(tenant, waiting));
    }
    let group = lane.at(-1);
    if (group === undefined || group.batch.mostBytes + batch.mostBytes > MOST_BATCH_BYTES) {
      lane.push((group = createGroup()));
    }
    for (let i = 0; i < batch.length; i++) group.batch.copyReading(batch, i, batch.deviceKey(i));
    group.traceparent ??= traceparent;
    return group.whenSent;
  }

  #next(tenant: string, lane: Lane): void {
    const group = lane.shift();
    if (group === undefined) {
      this.#lanes.delete(tenant);
      return;
    }
    void this.#send(tenant, group.batch, group.traceparent)
      .then(
        () => group.settle(),
        (error: unknown) => group.settle(error as Error),
      )
      .finally(() => this.#next(tenant, lane));
  }
}

function createGroup(): Group {
  let settle: Group['settle'] = () => undefined;
  const whenSent = new Promise<void>((resolve, reject) => {
    settle = (failure) => (failure === undefined ? resolve() : reject(failure));
  });
  return { batch: ReadingBatch.create(), traceparent: undefined, whenSent, settle };
}
