/** A cluster under load, a copy of its logs, and the judgement of what it did. */
import pino from 'pino';
import { ScoreBatch, ScoreKind } from '../../models/domain/score-batch.js';
import { scoreView } from '../../models/domain/score-view.js';
import { NO_MODELS, type LoadedModels } from '../../models/neural/loaded-models.js';
import { loadSettings } from '../../models/settings.js';
import { openClusterStorage } from '../../storage/cluster-storage.js';
import type { Storage } from '../../storage/storage.js';
import { Cluster, type PartOptions } from '../support/cluster.js';
import { compiled } from '../support/compiled.js';
import { until } from '../support/until.js';
import { HandOvers } from './hand-overs.js';
import { Load } from './load.js';
import { LogCopy } from './log-copy.js';
import { judgeRun, type Judgement } from './oracle.js';

/** HTTP requests end within this, by the setting; a client allows for a little more. */
const REQUEST_TIMEOUT_SEC = 8;
const ANSWER_WITHIN_MS = REQUEST_TIMEOUT_SEC * 1_000 + 4_000;
const CATCH_UP_MS = 120_000;

export interface ChaosOptions {
  readonly seed: number;
  readonly readingsASecond: number;
  readonly parts?: readonly PartOptions[];
  readonly partitions?: number;
}

const busy = compiled('test/cluster/busy-node.ts');

/** Two replicas of each stage, one of each pair busy with snapshots, and each with a network of its own to break. */
export const CHAOS_PARTS: readonly PartOptions[] = [
  { name: 'gateway', services: ['gateway'] },
  { name: 'registry', services: ['model-registry'] },
  { name: 'ingest-1', services: ['ingest'] },
  { name: 'ingest-2', services: ['ingest'], isProxied: true },
  { name: 'window-1', services: ['window'], isProxied: true },
  { name: 'window-2', services: ['window'], isProxied: true, arguments: busy },
  { name: 'scorer-1', services: ['scorer'], isProxied: true },
  { name: 'scorer-2', services: ['scorer'], isProxied: true, arguments: busy },
  { name: 'alerting-1', services: ['alerting'], isProxied: true },
  { name: 'alerting-2', services: ['alerting'], isProxied: true, arguments: busy },
];

/** As few processes as can show a fence that is missing. */
export const UNFENCED_PARTS: readonly PartOptions[] = [
  { name: 'door', services: ['gateway', 'ingest', 'model-registry', 'window', 'alerting'] },
  ...['scorer-1', 'scorer-2'].map((name): PartOptions => ({
    name,
    services: ['scorer'],
    arguments: compiled('test/cluster/unfenced-node.ts'),
  })),
];

export class ChaosRun {
  readonly cluster: Cluster;
  readonly load: Load;
  readonly handOvers: HandOvers;
  readonly #storage: Storage;
  readonly #copy: LogCopy;

  private constructor(cluster: Cluster, load: Load, handOvers: HandOvers, storage: Storage, copy: LogCopy) {
    this.cluster = cluster;
    this.load = load;
    this.handOvers = handOvers;
    this.#storage = storage;
    this.#copy = copy;
  }

  /** Resolves when the cluster works and readings are posted. */
  static async start({ seed, readingsASecond, parts = CHAOS_PARTS, partitions }: ChaosOptions): Promise<ChaosRun> {
    const cluster = await Cluster.start({
      parts,
      config: `api:\n  timeout: ${REQUEST_TIMEOUT_SEC}`,
      ...(partitions !== undefined && { partitions }),
      env: { CHAOS_SNAPSHOT_MS: process.env['CHAOS_SNAPSHOT_MS'] ?? '5000' },
      // Small, so that a reader that is slow is found out within a test. A message may have 1 MB, as by default.
      natsConfig: 'write_deadline: "2s"\nmax_payload: 1MB\nmax_pending: 1MB',
    });
    try {
      const storage = await openAsMember(cluster);
      const copy = new LogCopy(storage.journal, cluster.partitions);
      const handOvers = new HandOvers();
      copy.start(handOvers.note);
      const load = new Load({
        seed,
        url: () => cluster.url,
        posters: 4,
        devicesEach: 12,
        batch: 25,
        readingsASecond,
        answerWithinMs: ANSWER_WITHIN_MS,
      });
      await cluster.settled();
      load.start();
      await until('the first readings', () => load.counts.acknowledged > 0);
      return new ChaosRun(cluster, load, handOvers, storage, copy);
    } catch (error) {
      const told = cluster.report();
      await cluster.stop();
      throw new Error(`the run did not start\n${told}`, { cause: error });
    }
  }

  /**
   * Ends the load, waits until all of it is scored, stops the cluster as an operator does, and judges.
   *
   * @param asksHistories whether what people are shown must become right, too: it never does where rows are doubled
   */
  async judge(
    models: LoadedModels = NO_MODELS,
    asksHistories = true,
  ): Promise<Judgement & { readonly shown: readonly string[] }> {
    await this.load.stop();
    await this.#allScored();
    const shown = asksHistories ? await this.#wrongHistories() : [];
    await Promise.all(this.cluster.parts().map((part) => part.stop()));
    await this.#copy.finish();
    return { ...(await judgeRun(this.load.acknowledged, this.#copy, this.#storage.blobs, models)), shown };
  }

  /** Versions that scored each partition's readings, in order. Call it after `judge`. */
  versions(): string[][] {
    return Array.from({ length: this.#copy.partitions }, (_, partition) => {
      const versions: string[] = [];
      for (const payload of this.#copy.stream('scores', partition)) {
        const batch = ScoreBatch.decode(payload);
        for (let i = 0; i < batch.length; i++) {
          if (batch.kind.data[i] !== ScoreKind.score) continue;
          const { model } = scoreView(batch, i);
          if (model !== versions.at(-1)) versions.push(model);
        }
      }
      return versions;
    });
  }

  /** Ends everything, also in the middle. */
  async stop(): Promise<void> {
    const stopping = this.load.stop({ isGivenUp: true });
    await this.#copy.stop();
    await this.#storage.close();
    await this.cluster.stop();
    await stopping;
  }

  /** Nothing waits in any partition of any stage. */
  async #allScored(): Promise<void> {
    await this.cluster.settled(CATCH_UP_MS, 0);
  }

  /** Asks the gateway for the latest scores of each device: they must be the latest acknowledged readings, each once. */
  async #wrongHistories(): Promise<string[]> {
    const wrong: string[] = [];
    for (const [device, times] of this.load.acknowledged) {
      const wanted = times.slice(-HISTORY);
      let found: number[] = [];
      await until(
        `the history of ${device}`,
        async () => {
          found = await this.#history(device);
          return found.length === wanted.length && found.every((time, i) => time === wanted[i]);
        },
        HISTORY_TIMEOUT_MS,
      ).catch(() => {
        wrong.push(`${device}: ${found.length} scores over HTTP, not ${wanted.length}`);
      });
    }
    return wrong;
  }

  /** Times of the latest scored readings of a device. */
  async #history(device: string): Promise<number[]> {
    const query = `limit=${HISTORY}&outcome=scored`;
    const url = `${this.cluster.url}/v1/devices/${encodeURIComponent(device)}/scores?${query}`;
    const answer = await fetch(url, { signal: AbortSignal.timeout(ANSWER_WITHIN_MS) });
    const text = await answer.text();
    if (answer.status !== 200) return [];
    return (JSON.parse(text) as { scores: { ts: string }[] }).scores.map(({ ts }) => Date.parse(ts));
  }
}

/** Latest scores of a device that are compared with what HTTP shows. */
const HISTORY = 100;
/** The read side fills itself after it was lost. */
const HISTORY_TIMEOUT_MS = 30_000;

/** The logs and snapshots of the cluster, as its members see them, but without a service. */
async function openAsMember(cluster: Cluster): Promise<Storage> {
  const env = {
    NATS_URL: cluster.nats.url,
    REDIS_URL: cluster.redis.url,
    SERVICES: 'gateway',
    AUTH: 'off',
    CONFIG_FILE: `${cluster.folder}/redshank.yaml`,
  };
  const settings = { ...loadSettings({ env }), partitions: cluster.partitions };
  const { storage } = await openClusterStorage(settings, 'test.reader', pino({ level: 'silent' }));
  return storage;
}
