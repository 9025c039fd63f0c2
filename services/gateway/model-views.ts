/** Models as JSON for people: times in RFC 3339, no node ids. */
import { formatTimestamp } from '../../models/domain/timestamp.js';
import type { Model, ModelVersion, PromotionRecord, Training } from '../../models/registry/registry.js';

export interface ModelVersionView extends Omit<ModelVersion, 'registeredMs'> {
  readonly registered: string;
}

export interface TrainingView extends Omit<Training, 'nodeId' | 'startedMs' | 'endedMs'> {
  readonly started: string;
  readonly ended?: string;
}

export interface ModelView extends Omit<Model, 'versions' | 'history' | 'trainings'> {
  readonly versions: readonly ModelVersionView[];
  /** Promotions and roll-backs, oldest first. */
  readonly history: readonly (Omit<PromotionRecord, 'name' | 'atMs'> & { readonly at: string })[];
  /** Oldest first. */
  readonly trainings: readonly TrainingView[];
}

export function modelView({ name, versions, aliases, history, trainings }: Model): ModelView {
  return {
    name,
    versions: versions.map(versionView),
    aliases,
    history: history.map(({ type, version, atMs, by, note }) => ({
      type,
      version,
      at: formatTimestamp(atMs),
      by,
      ...(note !== undefined && { note }),
    })),
    trainings: trainings.map(trainingView),
  };
}

export function versionView({ version, definition, registeredMs, by, note }: ModelVersion): ModelVersionView {
  return { version, definition, registered: formatTimestamp(registeredMs), by, ...(note !== undefined && { note }) };
}

export function trainingView(training: Training): TrainingView {
  const { startedMs, endedMs } = training;
  const shown = Object.entries(training).filter(([name]) => !['nodeId', 'startedMs', 'endedMs'].includes(name));
  return {
    ...(Object.fromEntries(shown) as Omit<Training, 'nodeId' | 'startedMs' | 'endedMs'>),
    started: formatTimestamp(startedMs),
    ...(endedMs !== undefined && { ended: formatTimestamp(endedMs) }),
  };
}
