/** Models as JSON for people: times in RFC 3339, no node ids. */
import { formatTimestamp } from '../../models/domain/timestamp.js';
import type { Model, ModelVersion, HistoryRecord } from '../../models/registry/registry.js';
import type { TrainingStatus } from '../model-registry.service.js';

export interface ModelVersionView extends Omit<ModelVersion, 'registeredMs'> {
  readonly registered: string;
}

export interface TrainingView extends Omit<TrainingStatus, 'nodeId' | 'startedMs' | 'endedMs'> {
  readonly started: string;
  readonly ended?: string;
}

export interface ModelView extends Omit<Model, 'versions' | 'history' | 'trainings'> {
  readonly versions: readonly ModelVersionView[];
  /** Oldest first. */
  readonly history: readonly (Omit<HistoryRecord, 'name' | 'atMs'> & { readonly at: string })[];
}

/** Trainings are left out: whether one still runs only the registry knows. */
export function modelView({ name, versions, aliases, history }: Model): ModelView {
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
  };
}

export function versionView({ version, definition, registeredMs, by, note }: ModelVersion): ModelVersionView {
  return { version, definition, registered: formatTimestamp(registeredMs), by, ...(note !== undefined && { note }) };
}

export function trainingView({ id, name, state, startedMs, endedMs, by, ...rest }: TrainingStatus): TrainingView {
  const { note, version, reason, progress } = rest;
  return {
    id,
    name,
    state,
    started: formatTimestamp(startedMs),
    ...(endedMs !== undefined && { ended: formatTimestamp(endedMs) }),
    by,
    ...(note !== undefined && { note }),
    ...(version !== undefined && { version }),
    ...(reason !== undefined && { reason }),
    ...(progress !== undefined && { progress }),
  };
}
