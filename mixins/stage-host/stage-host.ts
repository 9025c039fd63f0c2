/** Owns partitions of one stage: takes leases, runs a `PartitionRunner` under each, lets go when told to. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { FencedError, NotOwnerError, StorageFailedError } from '../../models/errors.js';
import type { PartitionReport } from '../../models/routing/cluster-view.js';
import type { InputBatch, OutputBatch, Stage, Topic } from '../../models/stages/stage.js';
import type { Storage } from '../../storage/storage.js';
import type { Lease } from '../../storage/leases/leases.js';
import type { Clock } from '../clock.js';
import { RecurringFault } from '../recurring-fault.js';
import { StageTrace } from '../tracing/stage-trace.js';
import { NO_TRACER, type Tracer } from '../tracing/tracer.js';
import { Fitness, GOOD_RUN_MS } from './fitness.js';
import { MoveLimit } from './move-limit.js';
import { PartitionRunner, type RunnerObserver, type RunnerOptions } from './partition-runner.js';
import { Projection, type ProjectionTarget } from './projection.js';
import { Roster } from './roster.js';
import { beginCounting, type StageMetrics } from './stage-metrics.js';
import { TakeOverLog } from './take-over-log.js';
import { widelyHeard } from '../widely-heard.js';

/** What a replica says of one partition; `owner` as far as it has heard, `failure` if it failed there last time. */
export interface PartitionStatus extends PartitionReport {
  /** Node that should run it, by the placement that all replicas compute. */
  readonly wantedOwner: string | undefined;
}

export interface StageHostOptions<State, Input extends InputBatch, Output extends OutputBatch> {
  readonly stage: Stage<State, Input, Output>;
  readonly partitions: number;
  readonly storage: Storage;
  readonly clock: Clock;
  /** Name of this node, in leases and among `members`. */
  readonly holder: string;
  readonly logger: Logger;
  readonly metrics: StageMetrics;
  readonly runner: RunnerOptions;
  readonly projection: ProjectionTarget<Output> | undefined;
  /**
   * The highest sequence of a topic that may be trimmed (0: none), where no replay needs what is at or before `done`. Asked for the
   * input, and for an output that no stage reads, then with Infinity.
   */
  readonly trimmable: (topic: Topic, partition: number, done: number) => Promise<number>;
  /** Called with each committed batch, for live events; valid only during the call. */
  readonly onCommitted: ((batch: Output) => void) | undefined;
  /** Nodes that run this stage and are alive. This one counts, whether it is among them or not. Default: none but this. */
  readonly members?: () => readonly string[];
  /** Asks the holder of a partition to give it up to this node. True: it has. Default: nobody gives anything. */
  readonly askFor?: (holder: string, partition: number) => Promise<boolean>;
  /** Tells the other members, again and again, that this one takes nothing for so long, since nothing runs here. Default: nobody is told. */
  readonly onStandAside?: (forMs: number) => Promise<void>;
  /** For how long, the first time, in ms. Default 15,000. */
  readonly firstAsideMs?: number;
  /** Default: nothing is traced. */
  readonly tracer?: Tracer;
  /** How long to listen for other members before anything is taken, in ms. Default 0. */
  readonly settleMs?: number;
}

const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 10_000;
/** Renew three times a TTL … */
const RENEWALS_A_TTL = 3;
/** … and stop committing well before somebody else may start. */
const SAFE_SHARE_OF_TTL = 0.7;
/** A lease that ends without a word is noticed after this. One that is given back is heard of at once. */
const LOOK_EVERY_MS = 500;
/** A reader that waits although there are records would go unseen for so long. */
const ASK_IDLE_EVERY_MS = 10_000;
const FIRST_ASIDE_MS = 15_000;
const FAILED = 'partition failed, trying again';
const BEHIND = 'read side is behind, it will be filled from the log';
/** A read side that was announced to forget has done so by then, or will not. */
const FORGETS_WITHIN_MS = 10_000;
const MOVES_AT_ONCE = 4;
const MOVES_A_SECOND = 10;

export class StageHost<State, Input extends InputBatch, Output extends OutputBatch> {
  readonly #options: StageHostOptions<State, Input, Output>;
  readonly #logger: Logger;
  readonly #runners = new Map<number, PartitionRunner<State, Input, Output>>();
  readonly #projections = new Map<number, Projection<Output>>();
  /** Partitions whose state is at the end of what is committed → since when. */
  readonly #tookOver = new Map<number, number>();
  readonly #failures = new Map<number, string>();
  /** Partitions that this replica runs, or tries to. */
  readonly #loops = new Map<number, Promise<void>>();
  /** What the log last said of its end. */
  readonly #asked = new Map<number, { readonly last: number; readonly atMs: number }>();
  readonly #roster: Roster;
  readonly #fitness: Fitness;
  readonly #moves: MoveLimit;
  readonly #takeOvers: TakeOverLog;
  readonly #outOfReach: RecurringFault;
  readonly #notRenewed: RecurringFault;
  readonly #notStored: RecurringFault;
  readonly #behind: RecurringFault;
  readonly #notTrimmed: RecurringFault;
  /** Until then the read side may go back without being at fault. */
  #mayForgetUntilMs = -Infinity;
  readonly #stopping = widelyHeard();
  /** Ends waits when something has changed. */
  #changed = widelyHeard();
  #isLookDue = false;
  #looking: Promise<void> = Promise.resolve();

  constructor(options: StageHostOptions<State, Input, Output>) {
    this.#options = options;
    this.#logger = options.logger.child({ stage: options.stage.name });
    const { monotonicMs } = options.clock;
    beginCounting(options.metrics, options.stage.name);
    const { stage, storage, partitions, holder, members } = options;
    this.#roster = new Roster({
      partitions,
      self: holder,
      alive: () => members?.() ?? [],
      holders: () => storage.leases.holders(stage.name),
      nowMs: monotonicMs,
    });
    this.#fitness = new Fitness(options.firstAsideMs ?? FIRST_ASIDE_MS);
    this.#moves = new MoveLimit(MOVES_AT_ONCE, MOVES_A_SECOND, monotonicMs);
    this.#takeOvers = new TakeOverLog(this.#logger, monotonicMs);
    const fault = (level: 'warn' | 'error', message: string): RecurringFault =>
      new RecurringFault(this.#logger, level, message, monotonicMs);
    this.#outOfReach = fault('error', FAILED);
    this.#notRenewed = fault('warn', 'lease was not renewed');
    this.#notStored = fault('error', 'snapshot could not be stored, trying again later');
    this.#behind = fault('warn', BEHIND);
    this.#notTrimmed = fault('warn', 'not trimmed this time');
  }

  start(): void {
    this.#looking = this.#keepLooking();
  }

  /** Commits, takes snapshots, gives back leases. Resolves when nothing of this stage runs any more. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    for (const runner of this.#runners.values()) runner.stop();
    await this.#looking;
    await Promise.all(this.#loops.values());
    await Promise.all([...this.#projections.values()].map((projection) => projection.stop()));
    this.#takeOvers.tell();
  }

  /** Why the stage cannot do its job, or undefined when every partition that should run here does. */
  notReady(): string | undefined {
    const { stage, partitions } = this.#options;
    const { whyAside } = this.#roster;
    if (whyAside !== undefined) return `${stage.name} stands aside, nothing runs here: ${whyAside}`;
    const failed = [...this.#failures.entries()][0];
    if (failed !== undefined) return `${stage.name} partition ${failed[0]}: ${failed[1]}`;
    const missing = (this.#roster.own()?.length ?? partitions) - this.#tookOver.size;
    return missing > 0 ? `${stage.name} has yet to take over ${missing} partition(s)` : undefined;
  }

  /** A member has said that it stops, or takes nothing for a while: what it holds will be free at once. @param forMs default 60 s */
  memberLeaves(member: string, forMs?: number): void {
    this.#roster.leaves(member, forMs);
    this.#lookSoon();
  }

  /** Members may have come or gone. */
  membersChanged(): void {
    this.#lookSoon();
  }

  /**
   * Gives a partition up, because `to` should have it.
   *
   * @returns true when this replica does not run it (any more); false when by what this replica knows it should stay.
   */
  async giveUp(partition: number, to: string): Promise<boolean> {
    const loop = this.#loops.get(partition);
    if (loop === undefined) return true;
    this.#roster.look();
    if (!this.#stopping.signal.aborted && this.#roster.ownerOf(partition) !== to) return false;
    this.#roster.givesAway(partition, to);
    this.#runners.get(partition)?.stop();
    await loop;
    return true;
  }

  /** The read side is about to be told to forget: that it goes back then is no fault. */
  expectForgetting(): void {
    this.#mayForgetUntilMs = this.#options.clock.monotonicMs() + FORGETS_WITHIN_MS;
  }

  /** The read side was told to forget: shows it again what the log has of the partitions that run here. Returns at once. */
  showAgain(): void {
    this.#logger.info({ partitions: this.#projections.size }, 'filling the read side again, as asked');
    for (const projection of this.#projections.values()) projection.again();
  }

  /** Runs `look` on the state of a partition that is at the end of what is committed. @throws NotOwnerError */
  inspect<T>(partition: number, look: (state: State) => T): T {
    const runner = this.#runners.get(partition);
    if (runner === undefined || !this.#tookOver.has(partition)) {
      const owner = this.#options.storage.leases.holders(this.#options.stage.name).get(partition);
      throw new NotOwnerError(`${this.#options.stage.name} partition ${partition} is not run here`, {
        data: { partition, ...(owner === undefined || owner === this.#options.holder ? {} : { owner }) },
      });
    }
    return runner.inspect(look);
  }

  /** Refreshes the gauges that nobody would otherwise touch. */
  async measure(): Promise<readonly PartitionStatus[]> {
    const { stage, metrics } = this.#options;
    const owned = await this.#ownStatus();
    for (const { partition, lag } of owned) metrics.lag.set({ stage: stage.name, partition }, lag ?? 0);
    for (const [partition, runner] of this.#runners) {
      metrics.unsaved.set({ stage: stage.name, partition }, runner.recordsSinceSnapshot);
    }
    metrics.partitions.set({ stage: stage.name }, this.#options.partitions);
    metrics.devices.set(
      { stage: stage.name },
      owned.reduce((sum, { devices }) => sum + devices, 0),
    );
    metrics.owned.set({ stage: stage.name }, owned.length);
    return owned;
  }

  /** All partitions; those that this replica runs with what only it knows. */
  async status(): Promise<PartitionStatus[]> {
    const { stage, storage, partitions } = this.#options;
    const owned = new Map((await this.#ownStatus()).map((status) => [status.partition, status]));
    const holders = storage.leases.holders(stage.name);
    return Array.from({ length: partitions }, (_, partition) => {
      const own = owned.get(partition);
      if (own !== undefined) return own;
      return {
        partition,
        owner: holders.get(partition),
        isOwned: false,
        wantedOwner: this.#roster.ownerOf(partition),
        epoch: 0,
        position: 0,
        lag: undefined,
        devices: 0,
        readSide: undefined,
        failure: this.#failures.get(partition),
      };
    });
  }

  #ownStatus(): Promise<PartitionStatus[]> {
    const { holder } = this.#options;
    return Promise.all(
      [...this.#runners].map(async ([partition, runner]) => {
        const last = await this.#lastOf(partition, runner);
        const { position } = runner;
        return {
          partition,
          owner: holder,
          isOwned: true,
          wantedOwner: this.#roster.ownerOf(partition),
          epoch: runner.epoch,
          position,
          lag: Math.max(0, last - position),
          devices: runner.deviceCount(),
          readSide: this.#projections.get(partition)?.progress,
          failure: this.#failures.get(partition),
        };
      }),
    );
  }

  /**
   * Last sequence of the input. Whoever waits for records has none behind: most partitions, most of the time, and the log is asked
   * only now and then whether that is so.
   */
  async #lastOf(partition: number, runner: PartitionRunner<State, Input, Output>): Promise<number> {
    const { stage, storage, clock } = this.#options;
    const asked = this.#asked.get(partition);
    const nowMs = clock.monotonicMs();
    const isFresh = asked !== undefined && asked.last <= runner.position && nowMs < asked.atMs + ASK_IDLE_EVERY_MS;
    if (runner.isWaiting && isFresh) return runner.position;
    const { last } = await storage.journal.state({ topic: stage.input, partition });
    this.#asked.set(partition, { last, atMs: nowMs });
    return last;
  }

  async #keepLooking(): Promise<void> {
    const { storage, settleMs = 0 } = this.#options;
    const stopListening = storage.leases.onChange(() => this.#lookSoon());
    try {
      if (settleMs > 0) await this.#pause(settleMs, false);
      while (!this.#stopping.signal.aborted) {
        this.#look();
        this.#tellAside();
        await this.#pause(LOOK_EVERY_MS, true);
      }
    } finally {
      stopListening();
    }
  }

  /** Many changes at once make one look. */
  #lookSoon(): void {
    if (this.#isLookDue) return;
    this.#isLookDue = true;
    setImmediate(() => {
      this.#isLookDue = false;
      this.#changed.abort();
      this.#changed = widelyHeard();
    });
  }

  #look(): void {
    this.#roster.look();
    for (let partition = 0; partition < this.#options.partitions; partition++) {
      if (!this.#isWanted(partition) || this.#loops.has(partition)) continue;
      const loop = this.#tend(partition).finally(() => this.#loops.delete(partition));
      this.#loops.set(partition, loop);
    }
  }

  #isWanted(partition: number): boolean {
    return !this.#stopping.signal.aborted && this.#roster.isWanted(partition);
  }

  /** Runs a partition for as long as it should run here. */
  async #tend(partition: number): Promise<void> {
    let retryMs = FIRST_RETRY_MS;
    while (this.#isWanted(partition)) {
      try {
        const id = { stage: this.#options.stage.name, partition };
        // Counted from before it was asked for: the server begins to count when it hears of it.
        const askedMs = this.#options.clock.monotonicMs();
        const lease = await this.#options.storage.leases.acquire(id, this.#options.holder);
        if (lease !== undefined) {
          await this.#runUnder(lease, askedMs);
          this.#fitness.ended(partition);
        } else if (!(await this.#askHolder(partition))) await this.#pause(LOOK_EVERY_MS, true);
        retryMs = FIRST_RETRY_MS;
      } catch (error) {
        this.#failed(partition, error, retryMs);
        await this.#pause(retryMs, false);
        retryMs = Math.min(retryMs * 2, LONGEST_RETRY_MS);
      }
    }
    this.#failures.delete(partition);
  }

  #failed(partition: number, error: unknown, retryMs: number): void {
    const { stage, metrics } = this.#options;
    if (error instanceof FencedError) {
      metrics.stepDowns.inc({ stage: stage.name });
      this.#logger.warn({ partition, err: error }, 'stepped down');
      return;
    }
    this.#failures.set(partition, error instanceof Error ? error.message : String(error));
    metrics.failures.inc({ stage: stage.name });
    // A server that is away fails all partitions alike; any other reason is told each time.
    if (error instanceof StorageFailedError) this.#outOfReach.happened(error, { partition, retryMs });
    else this.#logger.error({ partition, err: error, retryMs }, FAILED);
  }

  /** True: it is free now. A holder that does not answer keeps it until its lease ends. */
  async #askHolder(partition: number): Promise<boolean> {
    const { stage, storage, holder: self, askFor } = this.#options;
    const holder = storage.leases.holders(stage.name).get(partition);
    if (holder === undefined || holder === self || askFor === undefined) return false;
    return this.#moves.run(async () => {
      if (!this.#isWanted(partition)) return true;
      try {
        return await askFor(holder, partition);
      } catch (error) {
        this.#logger.debug({ partition, holder, err: error }, 'the holder was not reached');
        return false;
      }
    });
  }

  async #runUnder(lease: Lease, askedMs: number): Promise<void> {
    const { stage, storage, clock } = this.#options;
    const { partition } = lease.id;
    const trace = new StageTrace(this.#options.tracer ?? NO_TRACER, stage.name, partition);
    const runner = new PartitionRunner(stage, lease, storage, clock, this.#options.runner, this.#observer(), trace);
    this.#runners.set(partition, runner);
    const renewal = this.#keepRenewing(lease, runner, askedMs);
    try {
      // It may have been asked for while the lease was on its way.
      if (!this.#isWanted(partition)) return;
      await runner.run();
    } catch (error) {
      const tookOverMs = this.#tookOver.get(partition);
      const ranMs = tookOverMs === undefined ? 0 : clock.monotonicMs() - tookOverMs;
      if (!(error instanceof FencedError)) this.#standAsideIfUnfit(partition, ranMs, error);
      throw error;
    } finally {
      clearInterval(renewal);
      this.#runners.delete(partition);
      this.#tookOver.delete(partition);
      await storage.leases.release(lease);
      await this.#endOwnership(partition);
    }
  }

  /** A replica on which nothing runs would otherwise keep its share from those on which it would. */
  #standAsideIfUnfit(partition: number, ranMs: number, error: unknown): void {
    const { stage, clock, metrics, storage } = this.#options;
    // That all replicas fail alike is nobody's own fault.
    if (storage.outage() !== undefined || this.#roster.size < 2) return;
    for (const [other, sinceMs] of this.#tookOver) {
      if (other !== partition && clock.monotonicMs() - sinceMs >= GOOD_RUN_MS) this.#fitness.ended(other);
    }
    this.#fitness.failed(partition, ranMs);
    const forMs = this.#fitness.standAside(this.#roster.own() ?? []);
    if (forMs === 0) return;
    this.#roster.standAside(forMs, String(error));
    metrics.standAsides.inc({ stage: stage.name });
    this.#logger.error({ err: error, forMs }, 'nothing runs here: standing aside, so that others take over');
    for (const runner of this.#runners.values()) runner.stop();
    this.#lookSoon();
    this.#tellAside();
  }

  #tellAside(): void {
    const forMs = this.#roster.takeAsideToTell();
    if (forMs === undefined) return;
    this.#options.onStandAside?.(forMs).catch((reason: unknown) => {
      this.#logger.warn({ err: reason }, 'nobody was told that this replica stands aside');
    });
  }

  /** What others show or measure from now on is no longer ours to show. */
  async #endOwnership(partition: number): Promise<void> {
    const { stage, metrics } = this.#options;
    const { lag, epoch, unsaved, snapshotBytes, snapshotTime } = metrics;
    for (const gauge of [lag, epoch, unsaved, snapshotBytes, snapshotTime]) {
      gauge.remove({ stage: stage.name, partition });
    }
    const projection = this.#projections.get(partition);
    this.#projections.delete(partition);
    await projection?.stop();
  }

  #keepRenewing(lease: Lease, runner: PartitionRunner<State, Input, Output>, askedMs: number): NodeJS.Timeout {
    const { leases } = this.#options.storage;
    const { clock } = this.#options;
    runner.extendLease(askedMs + leases.ttlMs * SAFE_SHARE_OF_TTL);
    const renew = async (): Promise<void> => {
      // Measured from when the renewal was sent: an answer that took long must not stretch the lease.
      const sentMs = clock.monotonicMs();
      const isOurs = await leases.renew(lease);
      if (isOurs) runner.extendLease(sentMs + leases.ttlMs * SAFE_SHARE_OF_TTL);
      else runner.stop();
    };
    return setInterval(() => {
      renew().catch((error: unknown) => this.#notRenewed.happened(error, { partition: lease.id.partition }));
    }, leases.ttlMs / RENEWALS_A_TTL);
  }

  #observer(): RunnerObserver<Output> {
    const { stage, metrics, clock } = this.#options;
    const labels = { stage: stage.name };
    return {
      committed: (partition, sequence, batch) => {
        metrics.records.inc(labels, batch.length);
        this.#projections.get(partition)?.show(sequence, batch);
        if (batch.length > 0) this.#options.onCommitted?.(batch);
      },
      worked: (ms) => metrics.workSeconds.inc(labels, ms / 1_000),
      snapshotTaken: async (partition, position, bytes, tookMs, replayFloor) => {
        metrics.snapshotSeconds.observe(labels, tookMs / 1_000);
        metrics.snapshotBytes.set({ ...labels, partition }, bytes);
        metrics.snapshotTime.set({ ...labels, partition }, clock.wallMs() / 1_000);
        this.#logger.debug({ partition, position, bytes, tookMs }, 'snapshot taken');
        if (replayFloor > 0) await this.#trim(partition, replayFloor);
      },
      snapshotFailed: (partition, error) => {
        metrics.failedSnapshots.inc(labels);
        this.#notStored.happened(error, { partition });
      },
      snapshotUnreadable: (partition, position, error) => {
        metrics.unreadableSnapshots.inc(labels);
        this.#logger.error(
          { partition, position, err: error },
          'snapshot cannot be read, going back to the one before',
        );
      },
      tookOver: async (partition, epoch, replayedRecords, tookMs) => {
        this.#tookOver.set(partition, clock.monotonicMs());
        this.#failures.delete(partition);
        metrics.takeOvers.inc(labels);
        metrics.takeOverSeconds.inc(labels, tookMs / 1_000);
        metrics.replayed.inc(labels, replayedRecords);
        metrics.epoch.set({ ...labels, partition }, epoch);
        metrics.snapshotTime.set({ ...labels, partition }, clock.wallMs() / 1_000);
        this.#logger.debug({ partition, epoch, replayedRecords, tookMs }, 'took over');
        this.#takeOvers.add(replayedRecords, tookMs);
        await this.#catchUp(partition);
      },
    };
  }

  /** After a take-over the read side may lack what was committed before. */
  async #catchUp(partition: number): Promise<void> {
    const { projection, storage, stage, metrics, clock } = this.#options;
    if (projection === undefined) return;
    await this.#projections.get(partition)?.stop();
    const fresh = new Projection(projection, storage.journal, partition, (error) => {
      if (clock.monotonicMs() < this.#mayForgetUntilMs) {
        this.#logger.debug({ partition, err: error }, BEHIND);
        return;
      }
      metrics.projectionFailures.inc({ stage: stage.name });
      this.#behind.happened(error, { partition });
    });
    this.#projections.set(partition, fresh);
    const { last } = await storage.journal.state({ topic: stage.output, partition });
    fresh.catchUp(last);
  }

  async #trim(partition: number, replayFloor: number): Promise<void> {
    const { stage } = this.#options;
    await this.#trimTopic(stage.input, partition, replayFloor);
    if (stage.output === 'alerts') await this.#trimTopic(stage.output, partition, Infinity);
  }

  async #trimTopic(topic: Topic, partition: number, done: number): Promise<void> {
    const { storage, trimmable } = this.#options;
    try {
      if (await storage.isBackupRunning()) return;
      const floor = await trimmable(topic, partition, done);
      if (floor > 0) await storage.journal.trim({ topic, partition }, floor + 1);
    } catch (error) {
      // The read side may be away, of which the log keeps what it has not shown. The next snapshot trims more.
      if (!(error instanceof StorageFailedError)) throw error;
      this.#notTrimmed.happened(error, { topic, partition });
    }
  }

  /** Waits; not beyond the stop, nor, if `endsOnChange`, beyond a change of members or holders. */
  async #pause(ms: number, endsOnChange: boolean): Promise<void> {
    const { signal } = this.#stopping;
    await sleep(ms, undefined, {
      signal: endsOnChange ? AbortSignal.any([signal, this.#changed.signal]) : signal,
    }).catch(() => undefined);
  }
}
