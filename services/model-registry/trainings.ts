/** Trainings that people ask a server for: each in a thread of its own, few at a time, from what the server has recorded. */
import { randomBytes } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { OutcomeCode } from '../../models/domain/outcome.js';
import { ScoreFlag } from '../../models/domain/score-batch.js';
import { OverloadedError, RequestInvalidError } from '../../models/errors.js';
import { decodeArtifact } from '../../models/neural/artifact.js';
import { SeriesCollector } from '../../models/neural/series-collector.js';
import type { TrainingOptions } from '../../models/neural/training.js';
import type { Training, TrainingRecord } from '../../models/registry/registry.js';
import type { NodeContext } from '../node-context.js';
import { packageVersion } from '../package-version.js';
import { trainInThread } from '../training/training-thread.js';
import type { RegistryLog } from './registry-log.js';
import type { RegistryMetrics } from './registry-metrics.js';

export interface TrainingWish extends Omit<TrainingOptions, 'channels' | 'codeVersion'> {
  readonly name: string;
  /** Whose devices. */
  readonly tenant: string;
  /** Undefined: those that have the profile, as many as `MOST_DEVICES`. */
  readonly devices: readonly string[] | undefined;
  /** Undefined: those of the first device. */
  readonly channels: readonly string[] | undefined;
  /** Unix ms. */
  readonly sinceMs: number;
  readonly by: string;
  readonly note: string | undefined;
}

/** How far a training of this process is. */
export interface TrainingProgress {
  readonly epoch: number;
  readonly epochs: number;
  readonly loss: number;
  readonly validationLoss: number;
}

const MOST_DEVICES = 100;
/** Rows read at a time; some 10 ms. */
const PAGE_ROWS = 2_000;
const PAGE_DEVICES = 1_000;
const RETRY_AFTER_MS = 60_000;

export class Trainings {
  readonly #node: NodeContext;
  readonly #log: RegistryLog;
  readonly #metrics: RegistryMetrics;
  readonly #stopping: AbortSignal;
  readonly #running = new Map<string, TrainingProgress | undefined>();

  constructor(node: NodeContext, log: RegistryLog, metrics: RegistryMetrics, stopping: AbortSignal) {
    this.#node = node;
    this.#log = log;
    this.#metrics = metrics;
    this.#stopping = stopping;
  }

  /** Of a training that runs in this process. */
  progress(id: string): TrainingProgress | undefined {
    return this.#running.get(id);
  }

  /**
   * Begins a training. How it ends stands in the registry's log.
   *
   * @throws ModelNotFoundError for a profile that is not known. @throws OverloadedError while `MAX_WORKERS` run here
   */
  async start(wish: TrainingWish): Promise<Training> {
    if (this.#running.size >= this.#node.settings.maxWorkers) {
      const reason = `${this.#running.size} training(s) run already: wait, or train elsewhere with \`redshank train\``;
      throw new OverloadedError(reason, RETRY_AFTER_MS);
    }
    const id = randomBytes(8).toString('hex');
    this.#running.set(id, undefined);
    try {
      await this.#log.append((registry) => {
        registry.get(wish.name);
        return [this.#record(wish, id, 'running')];
      });
    } catch (error) {
      this.#running.delete(id);
      throw error;
    }
    void this.#run(wish, id);
    return this.#log.registry.get(wish.name).trainings.find((training) => training.id === id)!;
  }

  async #run(wish: TrainingWish, id: string): Promise<void> {
    const { logger } = this.#node;
    let end: TrainingRecord;
    try {
      end = { ...this.#record(wish, id, 'done'), version: await this.#train(wish, id) };
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      logger.warn({ err: error, profile: wish.name, training: id }, 'a training failed');
      end = { ...this.#record(wish, id, 'failed'), reason };
    }
    this.#metrics.trainings.inc({ result: end.state });
    this.#running.delete(id);
    // When the log is away, whoever asks is told that the process no longer trains.
    await this.#log
      .append(() => [end])
      .catch((error: unknown) => {
        logger.warn({ err: error, training: id }, 'the end of a training was not written down');
      });
  }

  /** @returns the version of the profile that came of it */
  async #train(wish: TrainingWish, id: string): Promise<string> {
    const { settings, storage } = this.#node;
    const collected = await this.#collect(wish);
    const { architecture, steps, latent, epochs, seed, name } = wish;
    const options = {
      architecture,
      steps,
      latent,
      epochs,
      seed,
      channels: collected.channels,
      codeVersion: packageVersion(),
    };
    const { bytes } = await trainInThread(
      { series: collected.series(), options, backend: settings.tfjsBackend, isGentle: true },
      ({ epoch, loss, validationLoss }) => {
        this.#running.set(id, { epoch, epochs, loss, validationLoss });
      },
      this.#stopping,
    );
    const { version: artifact, header } = decodeArtifact(bytes);
    this.#metrics.backend.reset();
    this.#metrics.backend.set({ backend: header.training.backend }, 1);
    await storage.models.put(artifact, bytes);
    let version = '';
    const change = { by: wish.by, atMs: this.#node.clock.wallMs(), note: wish.note ?? 'trained here' };
    await this.#log.append((registry) => {
      version = registry.attachedVersion(name, artifact);
      return registry.attaching(name, artifact, change);
    });
    await this.#log.append((registry) =>
      registry.get(name).aliases.champion === version ? [] : registry.challenging(name, version, change),
    );
    return version;
  }

  /** What was measured and not strange. */
  async #collect({ tenant, name, devices, channels, sinceMs }: TrainingWish): Promise<SeriesCollector> {
    const { readSide } = this.#node.storage;
    const collector = new SeriesCollector(channels);
    const chosen = devices ?? (await this.#devicesOf(tenant, name));
    if (chosen.length === 0) throw new RequestInvalidError(`there is no device of the profile ${name} yet: name some`);
    for (const device of chosen) {
      let cursor: string | undefined;
      do {
        this.#stopping.throwIfAborted();
        const query = { fromMs: sinceMs, limit: PAGE_ROWS, ...(cursor === undefined ? {} : { cursor }) };
        const { batch, next } = await readSide.scores(tenant, device, query);
        for (let i = 0; i < batch.length; i++) {
          if (batch.outcome.data[i] !== OutcomeCode.scored) continue;
          const start = batch.start(i);
          const values = batch.channels(i).map((channel, c) => {
            const isMeasured = batch.imputed.data[start + c] === 0;
            return [channel, isMeasured ? batch.actual.data[start + c]! : null] as const;
          });
          const isStrange = (batch.flags.data[i]! & ScoreFlag.anomaly) !== 0;
          collector.add(device, batch.timeMs.data[i]!, Object.fromEntries(values), isStrange);
        }
        cursor = next;
        await setImmediate();
      } while (cursor !== undefined);
    }
    return collector;
  }

  async #devicesOf(tenant: string, name: string): Promise<string[]> {
    const found: string[] = [];
    let cursor: string | undefined;
    do {
      const query = { limit: PAGE_DEVICES, ...(cursor === undefined ? {} : { cursor }) };
      const page = await this.#node.storage.readSide.devices(tenant, query);
      for (const { device, profile } of page.items) if (profile === name) found.push(device);
      cursor = page.next;
    } while (cursor !== undefined && found.length < MOST_DEVICES);
    return found.slice(0, MOST_DEVICES);
  }

  #record({ name, by, note }: TrainingWish, id: string, state: TrainingRecord['state']): TrainingRecord {
    const { nodeId, clock } = this.#node;
    return {
      type: 'training',
      name,
      id,
      state,
      nodeId,
      atMs: clock.wallMs(),
      by,
      ...(note === undefined ? {} : { note }),
    };
  }
}
