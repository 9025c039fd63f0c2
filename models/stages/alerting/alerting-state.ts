/** What the owner of a partition remembers of its alerts. */
import { ChunkKind, decodeChunk, encodeChunk } from '../../domain/chunk.js';
import type { Alert } from '../../domain/alert.js';
import { AlertSilences, type AlertSilence } from '../../domain/alert-silence.js';
import type { DeviceKey } from '../../domain/identity.js';
import { StorageCorruptError } from '../../errors.js';
import { ActiveProfiles } from '../../profiles/active-profiles.js';
import type { OpenAlert } from './open-alert.js';
import { ResolvedAlerts } from './resolved-alerts.js';

/** Raise with every change of the sections below, and keep reading the old ones. */
const SNAPSHOT_VERSION = '2';
/** Version 1 had no silences. */
const READ_VERSIONS = ['1', SNAPSHOT_VERSION];

export interface DeviceAlerts {
  /** Bit 0 is the latest score, 1 where it was strange; as many bits as the profile looks back. Unsigned 32 bits. */
  recent: number;
  /** Unix ms, event time of the first strange score since `recent` was last without any. */
  firstStrangeMs: number;
  /** Alerts raised so far: the ordinal of the latest. */
  raisedCount: number;
  /** Scores for which the device raises nothing, because a person called its present state normal. */
  dismissedFor: number;
  open: OpenAlert | undefined;
}

/**
 * Devices that are calm and never had an alert are not in it: they cost nothing. One that had alerts costs about 150 bytes
 * besides them, so that no two of its alerts ever have the same id.
 */
export class AlertingState {
  readonly profiles: ActiveProfiles;
  readonly devices = new Map<DeviceKey, DeviceAlerts>();
  readonly resolved: ResolvedAlerts;
  readonly silences: AlertSilences;

  constructor(profiles = new ActiveProfiles(), resolved = new ResolvedAlerts(), silences = new AlertSilences()) {
    this.profiles = profiles;
    this.resolved = resolved;
    this.silences = silences;
  }

  device(key: DeviceKey): DeviceAlerts {
    let device = this.devices.get(key);
    if (device === undefined) {
      device = { recent: 0, firstStrangeMs: 0, raisedCount: 0, dismissedFor: 0, open: undefined };
      this.devices.set(key, device);
    }
    return device;
  }

  forgetIfNothing(key: DeviceKey, device: DeviceAlerts): void {
    if (device.recent === 0 && device.raisedCount === 0) this.devices.delete(key);
  }
}

export function encodeAlertingState(state: AlertingState): Uint8Array {
  const devices = [...state.devices.values()];
  const isOpen = devices.flatMap(({ open }, d) => (open === undefined ? [] : [d]));
  return encodeChunk({ kind: ChunkKind.snapshot, epoch: 0, from: 0, to: 0, timeMs: 0 }, [
    ['alerting', SNAPSHOT_VERSION],
    state.profiles.entries().map((entry) => JSON.stringify(entry)),
    [...state.devices.keys()],
    Uint32Array.from(devices, ({ recent }) => recent),
    Float64Array.from(devices, ({ firstStrangeMs }) => firstStrangeMs),
    Uint32Array.from(devices, ({ raisedCount }) => raisedCount),
    Uint32Array.from(devices, ({ dismissedFor }) => dismissedFor),
    Uint32Array.from(isOpen),
    isOpen.map((d) => JSON.stringify(devices[d]!.open)),
    state.resolved.list().map((alert) => JSON.stringify(alert)),
    state.silences.list().map((silence) => JSON.stringify(silence)),
  ]);
}

/** @throws StorageCorruptError when `bytes` is no snapshot of alerting, or of a version that this code cannot read. */
export function decodeAlertingState(bytes: Uint8Array): AlertingState {
  const { sections } = decodeChunk(bytes, ChunkKind.snapshot);
  const [stage, version] = sections[0] as readonly string[];
  if (stage !== 'alerting') throw new StorageCorruptError(`snapshot must be of alerting, got one of ${stage}`);
  if (!READ_VERSIONS.some((known) => known === version)) {
    throw new StorageCorruptError(`snapshot version must be ${READ_VERSIONS.join(' or ')}, got ${version}`);
  }
  const strings = (section: number): readonly string[] => sections[section] as readonly string[];
  const numbers = (section: number): ArrayLike<number> => sections[section] as Float64Array | Uint32Array;
  const state = new AlertingState(
    new ActiveProfiles(strings(1).map((text) => JSON.parse(text) as { name: string; definition: unknown })),
    new ResolvedAlerts(strings(9).map((text) => JSON.parse(text) as Alert)),
    new AlertSilences(version === '1' ? [] : strings(10).map((text) => JSON.parse(text) as AlertSilence)),
  );
  strings(2).forEach((key, d) => {
    const device = state.device(key);
    device.recent = numbers(3)[d]!;
    device.firstStrangeMs = numbers(4)[d]!;
    device.raisedCount = numbers(5)[d]!;
    device.dismissedFor = numbers(6)[d]!;
  });
  strings(8).forEach((text, n) => {
    state.device(strings(2)[numbers(7)[n]!]!).open = restoredAlert(JSON.parse(text) as OpenAlert | UntoldAlert);
  });
  return state;
}

/** As older releases wrote it: which peak they told last is not known, so the next strange score tells one. */
type UntoldAlert = Omit<OpenAlert, 'toldScore'>;

function restoredAlert(alert: OpenAlert | UntoldAlert): OpenAlert {
  return 'toldScore' in alert ? alert : { ...alert, toldScore: -1 };
}
