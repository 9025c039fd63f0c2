import { Counter, Gauge, type Registry as MetricsRegistry } from 'prom-client';
import type { Model } from '../../models/registry/registry.js';

export interface RegistryMetrics {
  readonly trainings: Counter<'result'>;
  /** Set to 1 for the backend that trained last. */
  readonly backend: Gauge<'backend'>;
}

/** @param models all that are registered */
export function createRegistryMetrics(
  registry: MetricsRegistry,
  models: () => readonly Pick<Model, 'name' | 'versions' | 'aliases'>[],
): RegistryMetrics {
  const registers = [registry];
  new Gauge({
    name: 'redshank_profile_false_alarms_per_week',
    help: 'False alarms that a device of the profile may raise in a week, as its champion promises',
    labelNames: ['profile'],
    registers,
    collect() {
      this.reset();
      for (const { name, versions, aliases } of models()) {
        const champion = versions.find(({ version }) => version === aliases.champion);
        if (champion !== undefined) this.set({ profile: name }, champion.definition.detection.falseAlarmsPerWeek);
      }
    },
  });
  const metrics: RegistryMetrics = {
    trainings: new Counter({
      name: 'redshank_trainings_total',
      help: 'Trainings that ended here: done or failed',
      labelNames: ['result'],
      registers,
    }),
    backend: new Gauge({
      name: 'redshank_training_backend_info',
      help: 'Always 1; the label says which backend of TensorFlow.js trained last: node, wasm or cpu',
      labelNames: ['backend'],
      registers,
    }),
  };
  for (const result of ['done', 'failed']) metrics.trainings.inc({ result }, 0);
  return metrics;
}
