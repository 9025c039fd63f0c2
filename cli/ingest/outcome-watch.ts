/** Waits until what was accepted has been scored, and counts what became of it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { OUTCOMES, type Outcome } from '../../models/domain/outcome.js';
import type { ApiClient } from '../client.js';

/** Pages of 1,000 that are looked through for devices, and for alerts. A larger server is not followed. */
const MOST_PAGES = 20;
const PAGE = 1_000;
/** Between two looks, growing: the server allows 1,000 such requests a minute. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2_000;
/** A server that decided nothing new for this long is given up. */
const PATIENCE_MS = 60_000;
/** Alerting is most often done with the last scores by then. */
const ALERTING_MS = 500;
/** As long as nothing is new, copies of batches that were sent again are not expected any more: most often there are none. */
const QUIET_MS = 5_000;

export type OutcomeCounts = Record<Outcome, number>;

interface DeviceState {
  readonly device: string;
  readonly outcomes: Partial<OutcomeCounts>;
}

interface AlertState {
  readonly id: string;
  readonly device: string;
}

export class OutcomeWatch {
  readonly #client: ApiClient;
  readonly #only: string | undefined;
  #before: ReadonlyMap<string, OutcomeCounts> = new Map();
  #alertsBefore: ReadonlySet<string> = new Set();
  #isComplete = true;

  /** @param only the one device that will be written to; undefined: any. */
  constructor(client: ApiClient, only: string | undefined) {
    this.#client = client;
    this.#only = only;
  }

  /** False when the server holds too much to be looked through: then `wait` and `newAlerts` would count wrong. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  /** Notes what is there before the first reading is sent. */
  async begin(): Promise<void> {
    this.#before = await this.#outcomes();
    this.#alertsBefore = new Set((await this.#alerts()).map(({ id }) => id));
  }

  /**
   * Resolves with what became of the readings of `devices` since `begin`, once all have an outcome, or when nothing new was
   * decided for a minute. Copies count: up to `accepted + resent` readings may have been taken.
   *
   * @param resent of the accepted ones, those that may have been taken twice.
   * @param onProgress told how many have an outcome.
   */
  async wait(
    devices: ReadonlySet<string>,
    { accepted, resent }: { readonly accepted: number; readonly resent: number },
    signal: AbortSignal,
    onProgress: (decided: number) => void,
  ): Promise<OutcomeCounts> {
    let best = -1;
    let lastNewsMs = performance.now();
    let pauseMs = FIRST_PAUSE_MS;
    for (;;) {
      const counts = this.#since(await this.#outcomes(), devices);
      const decided = decidedOf(counts);
      onProgress(decided);
      if (decided > best) {
        best = decided;
        lastNewsMs = performance.now();
      }
      // Whether there are copies, nobody says, and the last outcomes may belong to the last readings: so look on for a while.
      const patienceMs = decided >= accepted ? QUIET_MS : PATIENCE_MS;
      if (decided >= accepted + resent || signal.aborted || performance.now() - lastNewsMs > patienceMs) return counts;
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
      pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 1.3);
    }
  }

  /** How many alerts of `devices` there are since `begin`, so far: alerting runs just behind the scores, and nobody says how far. */
  async newAlerts(devices: ReadonlySet<string>, signal: AbortSignal): Promise<number> {
    await sleep(ALERTING_MS, undefined, { signal }).catch(() => undefined);
    const now = await this.#alerts();
    return now.filter(({ id, device }) => devices.has(device) && !this.#alertsBefore.has(id)).length;
  }

  #since(now: ReadonlyMap<string, OutcomeCounts>, devices: ReadonlySet<string>): OutcomeCounts {
    const sum = countsOf(undefined);
    for (const device of devices) {
      const [before, after] = [this.#before.get(device), now.get(device)];
      for (const outcome of OUTCOMES) sum[outcome] += (after?.[outcome] ?? 0) - (before?.[outcome] ?? 0);
    }
    return sum;
  }

  async #outcomes(): Promise<ReadonlyMap<string, OutcomeCounts>> {
    if (this.#only !== undefined) {
      const path = `/v1/devices/${encodeURIComponent(this.#only)}`;
      const state = await this.#client.find<DeviceState>(path, { survivesRestart: true });
      return new Map([[this.#only, countsOf(state)]]);
    }
    const devices = await this.#pages<DeviceState>('/v1/devices', 'devices');
    return new Map(devices.map((state) => [state.device, countsOf(state)]));
  }

  #alerts(): Promise<readonly AlertState[]> {
    return this.#pages<AlertState>('/v1/alerts', 'alerts', this.#only);
  }

  async #pages<T>(path: string, member: 'devices' | 'alerts', device?: string): Promise<readonly T[]> {
    const items: T[] = [];
    let cursor: string | undefined;
    for (let page = 0; page < MOST_PAGES; page++) {
      const query = { limit: PAGE, cursor, device };
      const answer = await this.#client.get<Partial<Record<'devices' | 'alerts', T[]>> & { next?: string }>(path, {
        query,
        survivesRestart: true,
      });
      items.push(...(answer[member] ?? []));
      cursor = answer.next;
      if (cursor === undefined) return items;
    }
    this.#isComplete = false;
    return items;
  }
}

function countsOf(state: DeviceState | undefined): OutcomeCounts {
  return Object.fromEntries(OUTCOMES.map((outcome) => [outcome, state?.outcomes[outcome] ?? 0])) as OutcomeCounts;
}

/**
 * The outcomes of `accepted` readings, without those of copies: `counts` may hold more where batches were taken twice. A copy of
 * a reading that was scored is `duplicate` or `late`; one of any other reading has that reading's outcome again.
 */
export function withoutCopies(counts: OutcomeCounts, accepted: number, resent: number): OutcomeCounts {
  const rest = { ...counts };
  let copies = Math.min(resent, Math.max(0, decidedOf(counts) - accepted));
  for (const outcome of ['duplicate', 'late', 'conflict', 'future'] as const) {
    const taken = Math.min(copies, rest[outcome]);
    rest[outcome] -= taken;
    copies -= taken;
  }
  return rest;
}

/** Readings that have an outcome. Filled steps are no readings, and what was refused at the door was not accepted. */
export function decidedOf({ scored, duplicate, conflict, late, future, invalid }: OutcomeCounts): number {
  return scored + duplicate + conflict + late + future + invalid;
}
