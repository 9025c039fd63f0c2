/** Once an hour, in one process of the cluster: looks at the drift of every profile, shows it, and trains anew where a profile says so. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ServiceBroker } from 'moleculer';
import { liveNodes } from '../../mixins/routing/live-nodes.js';
import { DEFAULT_TENANT } from '../../models/domain/identity.js';
import { TRAINING_DEFAULTS } from '../../models/neural/training-wish.js';
import type { Model } from '../../models/registry/registry.js';
import type { NodeContext } from '../node-context.js';
import type { DriftReport, DriftWatch } from './drift-watch.js';
import type { RegistryLog } from './registry-log.js';
import type { Trainings } from './trainings.js';

/** Who appears in the history of a training that nobody asked for. */
export const DRIFT = 'drift';
const EVERY_MS = 3_600_000;
const LEAST_APART_MS = 7 * 86_400_000;
const TRAINED_ON_MS = 7 * 86_400_000;

export interface DriftRetrainingOptions {
  readonly node: Pick<NodeContext, 'clock' | 'logger'>;
  readonly log: RegistryLog;
  readonly drift: DriftWatch;
  readonly trainings: Trainings;
  readonly signal: AbortSignal;
}

export class DriftRetraining {
  readonly #options: DriftRetrainingOptions;

  constructor(options: DriftRetrainingOptions) {
    this.#options = options;
  }

  start(broker: ServiceBroker): void {
    void this.#run(broker);
  }

  async #run(broker: ServiceBroker): Promise<void> {
    const { signal, node } = this.#options;
    for (;;) {
      const isStopped = await sleep(EVERY_MS, false, { signal, ref: false }).catch(() => true);
      if (isStopped) return;
      // The first by name does it; while one joins or leaves it may be done twice, which is told apart below.
      if (liveNodes(broker, 'model-registry').sort()[0] !== broker.nodeID) continue;
      await this.look().catch((error: unknown) => {
        node.logger.warn({ err: error }, 'drift could not be looked at; in an hour again');
      });
    }
  }

  /** One look at all profiles. */
  async look(): Promise<void> {
    const { log, drift, node } = this.#options;
    await log.refresh();
    for (const model of log.registry.list()) {
      const report = await drift.look(model, DEFAULT_TENANT, node.clock.wallMs());
      if (report.model === null) continue;
      drift.show(report);
      if (report.suggestion === null) continue;
      node.logger.warn({ profile: model.name, devices: report.devices.length }, report.suggestion);
      await this.#retrain(model, report);
    }
  }

  /** Where the profile says so, and it was not done of late. */
  async #retrain(model: Model, report: DriftReport): Promise<void> {
    const { node, trainings } = this.#options;
    const { name } = model;
    const champion = model.versions.find(({ version }) => version === model.aliases.champion);
    if (champion?.definition.detection.retrain !== 'auto') return;
    const nowMs = node.clock.wallMs();
    const isTooSoon = model.trainings.some(
      ({ by, state, startedMs }) => state === 'running' || (by === DRIFT && nowMs - startedMs < LEAST_APART_MS),
    );
    if (isTooSoon) return;
    const strong = report.devices.filter(({ verdict }) => verdict === 'strong');
    await trainings.start({
      ...TRAINING_DEFAULTS,
      latent: undefined,
      name,
      tenant: DEFAULT_TENANT,
      devices: strong.map(({ device }) => device),
      channels: undefined,
      sinceMs: nowMs - TRAINED_ON_MS,
      by: DRIFT,
      note: `${strong.length} of ${report.devices.length} devices have drifted`,
    });
  }
}
