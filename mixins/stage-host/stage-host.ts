/** Owns partitions of one stage: takes leases, runs a `PartitionRunner` under each, lets go when told to. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { FencedError } from '../../models/errors.js';
import type { InputBatch, OutputBatch, Stage } from '../../models/stages/stage.js';
import type { Storage } from '../../storage/storage.js';
import type { Lease } from '../../storage/leases/leases.js';
import type { Clock } from '../clock.js';
import { PartitionRunner, type RunnerObserver, type RunnerOptions } from './partition-runner.js';
import { Projection, type ProjectionTarget } from './projection.js';
import type { StageMetrics } from './stage-metrics.js';

export interface PartitionStatus {
  readonly partition: number;
  readonly isOwned: boolean;
  readonly epoch: number;
  /** Input position in the state. */
  readonly position: number;
  /** Input records (chunks) that wait. */
  readonly lag: number;
  readonly devices: number;
  /** Why it does not run, if it failed last time. */
  readonly failure: string | undefined;
}

export interface StageHostOptions<State, Input extends InputBatch, Output extends OutputBatch> {
  readonly stage: Stage<State, Input, Output>;
  readonly partitions: number;
  readonly storage: Storage;
  readonly clock: Clock;
  /** Names this process in leases. */
  readonly holder: string;
  readonly logger: Logger;
  readonly metrics: StageMetrics;
  readonly runner: RunnerOptions;
  readonly projection: ProjectionTarget<Output> | undefined;
  /** Input sequence below which no other reader of the input topic needs anything; Infinity where there is none. */
  readonly otherReadersFloor: (partition: number) => Promise<number>;
  /** Called with each committed batch, for live events; valid only during the call. */
  readonly onCommitted: ((batch: Output) => void) | undefined;
}

const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 10_000;
/** Renew three times a TTL … */
const RENEWALS_A_TTL = 3;
/** … and stop committing well before somebody else may start. */
const SAFE_SHARE_OF_TTL = 0.7;
const FREE_LEASE_CHECK_MS = 1_000;

export class StageHost<State, Input extends InputBatch, Output extends OutputBatch> {
  readonly #options: StageHostOptions<State, Input, Output>;
  readonly #logger: Logger;
  readonly #runners = new Map<number, PartitionRunner<State, Input, Output>>();
  readonly #projections = new Map<number, Projection<Output>>();
  /** Partitions whose state is at the end of what is committed. */
  readonly #tookOver = new Set<number>();
  readonly #failures = new Map<number, string>();
  readonly #stopping = new AbortController();
  #loops: Promise<void>[] = [];

  constructor(options: StageHostOptions<State, Input, Output>) {
    this.#options = options;
    this.#logger = options.logger.child({ stage: options.stage.name });
  }

  start(): void {
    const partitions = Array.from({ length: this.#options.partitions }, (_, partition) => partition);
    this.#loops = partitions.map((partition) => this.#tend(partition));
  }

  /** Commits, takes snapshots, gives back leases. Resolves when nothing of this stage runs any more. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    for (const runner of this.#runners.values()) runner.stop();
    await Promise.all(this.#loops);
    await Promise.all([...this.#projections.values()].map((projection) => projection.stop()));
  }

  /** Why the stage cannot do its job, or undefined when every partition that should run does. */
  notReady(): string | undefined {
    const failed = [...this.#failures.entries()][0];
    if (failed !== undefined) return `${this.#options.stage.name} partition ${failed[0]}: ${failed[1]}`;
    const missing = this.#options.partitions - this.#tookOver.size;
    return missing > 0 ? `${this.#options.stage.name} has yet to take over ${missing} partition(s)` : undefined;
  }

  /** Refreshes the gauges that nobody would otherwise touch. */
  async measure(): Promise<void> {
    const { stage, metrics } = this.#options;
    const statuses = await this.status();
    for (const { partition, lag } of statuses) metrics.lag.set({ stage: stage.name, partition }, lag);
    metrics.devices.set(
      { stage: stage.name },
      statuses.reduce((sum, { devices }) => sum + devices, 0),
    );
  }

  async status(): Promise<PartitionStatus[]> {
    const { stage, storage, partitions } = this.#options;
    return Promise.all(
      Array.from({ length: partitions }, async (_, partition) => {
        const runner = this.#runners.get(partition);
        const { last } = await storage.journal.state({ topic: stage.input, partition });
        const position = runner?.position ?? 0;
        return {
          partition,
          isOwned: runner !== undefined,
          epoch: runner?.lease.epoch ?? 0,
          position,
          lag: last - position,
          devices: runner?.deviceCount() ?? 0,
          failure: this.#failures.get(partition),
        };
      }),
    );
  }

  async #tend(partition: number): Promise<void> {
    let retryMs = FIRST_RETRY_MS;
    while (!this.#stopping.signal.aborted) {
      try {
        const id = { stage: this.#options.stage.name, partition };
        const lease = await this.#options.storage.leases.acquire(id, this.#options.holder);
        if (lease === undefined) {
          await this.#pause(FREE_LEASE_CHECK_MS);
          continue;
        }
        await this.#runUnder(lease);
        retryMs = FIRST_RETRY_MS;
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        if (error instanceof FencedError) {
          this.#options.metrics.stepDowns.inc({ stage: this.#options.stage.name });
          this.#logger.warn({ partition, err: error }, 'stepped down');
        } else {
          this.#failures.set(partition, message);
          this.#options.metrics.failures.inc({ stage: this.#options.stage.name });
          this.#logger.error({ partition, err: error, retryMs }, 'partition failed, trying again');
        }
        await this.#pause(retryMs);
        retryMs = Math.min(retryMs * 2, LONGEST_RETRY_MS);
      }
    }
  }

  async #runUnder(lease: Lease): Promise<void> {
    const { stage, storage, clock } = this.#options;
    const { partition } = lease.id;
    const runner = new PartitionRunner(stage, lease, storage, clock, this.#options.runner, this.#observer());
    this.#runners.set(partition, runner);
    const renewal = this.#keepRenewing(lease, runner);
    try {
      if (this.#stopping.signal.aborted) return;
      await runner.run();
    } finally {
      clearInterval(renewal);
      this.#runners.delete(partition);
      this.#tookOver.delete(partition);
      await storage.leases.release(lease);
    }
  }

  #keepRenewing(lease: Lease, runner: PartitionRunner<State, Input, Output>): NodeJS.Timeout {
    const { leases } = this.#options.storage;
    const { clock } = this.#options;
    runner.extendLease(clock.monotonicMs() + leases.ttlMs * SAFE_SHARE_OF_TTL);
    const renew = async (): Promise<void> => {
      // Measured from when the renewal was sent: an answer that took long must not stretch the lease.
      const sentMs = clock.monotonicMs();
      const isOurs = await leases.renew(lease);
      if (isOurs) runner.extendLease(sentMs + leases.ttlMs * SAFE_SHARE_OF_TTL);
      else runner.stop();
    };
    return setInterval(() => {
      renew().catch((error: unknown) => {
        this.#logger.warn({ partition: lease.id.partition, err: error }, 'lease was not renewed');
      });
    }, leases.ttlMs / RENEWALS_A_TTL);
  }

  #observer(): RunnerObserver<Output> {
    const { stage, metrics } = this.#options;
    const labels = { stage: stage.name };
    return {
      committed: (partition, sequence, batch) => {
        metrics.records.inc(labels, batch.length);
        this.#projections.get(partition)?.show(sequence, batch);
        if (batch.length > 0) this.#options.onCommitted?.(batch);
      },
      snapshotTaken: async (partition, position, bytes, tookMs, replayFloor) => {
        metrics.snapshotSeconds.observe(labels, tookMs / 1_000);
        metrics.snapshotBytes.set({ ...labels, partition }, bytes);
        this.#logger.debug({ partition, position, bytes, tookMs }, 'snapshot taken');
        await this.#trim(partition, replayFloor);
      },
      snapshotFailed: (partition, error) => {
        metrics.failedSnapshots.inc(labels);
        this.#logger.error({ partition, err: error }, 'snapshot could not be stored, trying again later');
      },
      snapshotUnreadable: (partition, position, error) => {
        metrics.unreadableSnapshots.inc(labels);
        this.#logger.error(
          { partition, position, err: error },
          'snapshot cannot be read, going back to the one before',
        );
      },
      tookOver: async (partition, epoch, replayedRecords, tookMs) => {
        this.#tookOver.add(partition);
        this.#failures.delete(partition);
        metrics.takeOvers.inc(labels);
        metrics.epoch.set({ ...labels, partition }, epoch);
        this.#logger.debug({ partition, epoch, replayedRecords, tookMs }, 'took over');
        await this.#catchUp(partition);
      },
    };
  }

  /** After a take-over the read side may lack what was committed before. */
  async #catchUp(partition: number): Promise<void> {
    const { projection, storage, stage, metrics } = this.#options;
    if (projection === undefined) return;
    await this.#projections.get(partition)?.stop();
    const fresh = new Projection(projection, storage.journal, partition, (error) => {
      metrics.projectionFailures.inc({ stage: stage.name });
      this.#logger.warn({ partition, err: error }, 'read side is behind, it will be filled from the log');
    });
    this.#projections.set(partition, fresh);
    const { last } = await storage.journal.state({ topic: stage.output, partition });
    fresh.catchUp(last);
  }

  async #trim(partition: number, replayFloor: number): Promise<void> {
    const { stage, storage, otherReadersFloor, projection } = this.#options;
    const floor = Math.min(replayFloor, await otherReadersFloor(partition));
    if (floor > 0) await storage.journal.trim({ topic: stage.input, partition }, floor + 1);
    if (stage.output === 'alerts' && projection !== undefined) {
      // Nobody reads on from the last topic but the read side. Its last record stays: it holds the position.
      const shown = await projection.position(partition);
      const { last } = await storage.journal.state({ topic: stage.output, partition });
      if (shown > 0) await storage.journal.trim({ topic: stage.output, partition }, Math.min(shown + 1, last));
    }
  }

  async #pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
  }
}
