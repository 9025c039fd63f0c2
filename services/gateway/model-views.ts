/** Models as JSON for people: times in RFC 3339, no node ids. */
import { formatTimestamp } from '../../models/domain/timestamp.js';
import type { Model, ModelVersion } from '../../models/registry/registry.js';
import type { DriftReport } from '../model-registry/drift-watch.js';
import type { TrainingStatus } from '../model-registry.service.js';
import type {
  Drift,
  Model as ModelView,
  ModelVersion as ModelVersionView,
  Training as TrainingView,
} from './schemas/model.js';

/** Trainings are left out: whether one still runs only the registry knows. */
export function modelView({ name, versions, aliases: { champion, challenger }, history }: Model): ModelView {
  return {
    name,
    versions: versions.map(versionView),
    aliases: {
      ...(champion !== undefined && { champion }),
      ...(challenger !== undefined && { challenger }),
    },
    history: history.map(({ type, version, atMs, by, note }) => ({
      type,
      version,
      at: formatTimestamp(atMs),
      by,
      ...(note !== undefined && { note }),
    })),
  };
}

export function driftView({ inForceMs, checkedMs, devices, ...rest }: DriftReport): Drift {
  return {
    ...rest,
    inForce: formatTimestamp(inForceMs),
    checked: formatTimestamp(checkedMs),
    devices: devices.map(({ inputs, errors, ...one }) => ({
      ...one,
      inputs: Object.fromEntries(Object.entries(inputs).map(([channel, index]) => [channel, short(index)])),
      errors: errors === null ? null : short(errors),
    })),
  };
}

const short = (value: number): number => Number(value.toPrecision(3));

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
