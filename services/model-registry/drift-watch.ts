/**
 * Looks now and then at some devices of each profile with a trained model: are they still those that it came into force for? It
 * compares what was recorded then with what was recorded of late, so that scorers have no work with it
 * (`docs/decisions/0017-drift-is-seen-in-the-record.md`).
 */
import { setImmediate } from 'node:timers/promises';
import { Gauge, type Registry as MetricsRegistry } from 'prom-client';
import { OutcomeCode } from '../../models/domain/outcome.js';
import { driftOf, type DeviceDrift, type DriftVerdict, type Stretch } from '../../models/neural/drift.js';
import type { Artifact } from '../../models/neural/artifact.js';
import type { Model } from '../../models/registry/registry.js';
import type { ReadSide } from '../../storage/read-side/read-side.js';
import type { ModelShelf } from '../model-shelf.js';

export interface DriftReport {
  readonly name: string;
  /** Version of the profile, and of the trained model in it; null: it has none. */
  readonly version: string;
  readonly model: string | null;
  /** Unix ms. */
  readonly inForceMs: number;
  readonly checkedMs: number;
  readonly devices: readonly ({ readonly device: string } & DeviceDrift)[];
  /** Devices that were looked at and have recorded too little since. */
  readonly unknown: number;
  /** What to do; null: nothing. */
  readonly suggestion: string | null;
}

const VERDICTS: readonly DriftVerdict[] = ['stable', 'moderate', 'strong'];
/** Devices looked at in one go. */
const MOST_DEVICES = 20;
const PAGE_DEVICES = 1_000;
/** Rows of one of the two times that are read one after the other; of more, stretches all over it. */
const MOST_ROWS = 3_000;
const STRETCHES = 60;
const ROWS_A_STRETCH = 10;
const LONGEST_MS = 7 * 86_400_000;
/** Share of strongly drifted devices from which a retrain is suggested. */
const SUGGESTED_SHARE = 0.25;
const TOLD_DEVICES = 5;

export class DriftWatch {
  readonly #readSide: ReadSide;
  readonly #shelf: ModelShelf;
  readonly #devices: Gauge<'profile' | 'verdict'>;

  constructor(readSide: ReadSide, shelf: ModelShelf, registry: MetricsRegistry) {
    this.#readSide = readSide;
    this.#shelf = shelf;
    this.#devices = new Gauge({
      name: 'redshank_model_drift_devices',
      help: 'Devices among those looked at last, by how far they have moved from what the trained model came into force for',
      labelNames: ['profile', 'verdict'],
      registers: [registry],
    });
  }

  /**
   * @param device undefined: some of the profile's
   * @throws ModelUnavailableError, StorageFailedError
   */
  async look(model: Model, tenant: string, nowMs: number, device?: string): Promise<DriftReport> {
    const champion = model.versions.find(({ version }) => version === model.aliases.champion);
    const inForceMs = model.history.findLast(({ version }) => version === champion?.version)?.atMs ?? 0;
    const artifactVersion = champion?.definition.detection.model;
    const about = {
      name: model.name,
      version: champion?.version ?? '',
      model: artifactVersion ?? null,
      inForceMs,
      checkedMs: nowMs,
    };
    if (artifactVersion === undefined) return { ...about, devices: [], unknown: 0, suggestion: null };
    const artifact = await this.#shelf.fetch(artifactVersion);
    const ids = device === undefined ? await this.#devicesOf(tenant, model.name) : [device];
    const devices: ({ device: string } & DeviceDrift)[] = [];
    let unknown = 0;
    for (const id of ids) {
      const drift = await this.#driftOf(tenant, id, artifact, inForceMs);
      if (drift === undefined) unknown++;
      else devices.push({ device: id, ...drift });
      await setImmediate();
    }
    const badness = (one: DeviceDrift): number => Math.max(...Object.values(one.inputs), one.errors ?? 0);
    devices.sort((a, b) => VERDICTS.indexOf(b.verdict) - VERDICTS.indexOf(a.verdict) || badness(b) - badness(a));
    return { ...about, devices, unknown, suggestion: suggestionFor(model.name, devices) };
  }

  /** Shows a report as metrics. */
  show({ name, devices }: DriftReport): void {
    for (const verdict of VERDICTS) {
      const count = devices.filter((one) => one.verdict === verdict).length;
      this.#devices.set({ profile: name, verdict }, count);
    }
  }

  async #driftOf(
    tenant: string,
    device: string,
    artifact: Artifact,
    inForceMs: number,
  ): Promise<DeviceDrift | undefined> {
    const lastMs = (await this.#readSide.device(tenant, device))?.lastReadingMs;
    if (lastMs === undefined || lastMs <= inForceMs) return undefined;
    // Half of the time each, so that the two never overlap; a week has all that comes again.
    const spanMs = Math.min(LONGEST_MS, (lastMs - inForceMs) / 2);
    const { channels } = artifact.header;
    const { steps } = artifact.network.topology;
    const read = (fromMs: number): Promise<Stretch[]> =>
      this.#stretches(tenant, device, channels, fromMs, spanMs, steps + ROWS_A_STRETCH);
    return driftOf(artifact, await read(inForceMs), await read(lastMs - spanMs));
  }

  async #stretches(
    tenant: string,
    device: string,
    channels: readonly string[],
    fromMs: number,
    spanMs: number,
    rows: number,
  ): Promise<Stretch[]> {
    const toMs = fromMs + spanMs;
    const whole = await this.#rows(tenant, device, channels, fromMs, toMs, MOST_ROWS);
    if (!whole.hasMore) return [whole.stretch];
    const stretches: Stretch[] = [];
    for (let i = 0; i < STRETCHES; i++) {
      const { stretch } = await this.#rows(tenant, device, channels, fromMs + (i * spanMs) / STRETCHES, toMs, rows);
      stretches.push(stretch);
      await setImmediate();
    }
    return stretches;
  }

  async #rows(
    tenant: string,
    device: string,
    channels: readonly string[],
    fromMs: number,
    toMs: number,
    limit: number,
  ): Promise<{ readonly stretch: Stretch; readonly hasMore: boolean }> {
    const { batch, next } = await this.#readSide.scores(tenant, device, { fromMs, toMs, limit });
    const values: number[] = [];
    for (let i = 0; i < batch.length; i++) {
      if (batch.outcome.data[i] !== OutcomeCode.scored) continue;
      const names = batch.channels(i);
      const start = batch.start(i);
      for (const channel of channels) {
        const c = names.indexOf(channel);
        const isMeasured = c >= 0 && batch.imputed.data[start + c] === 0;
        values.push(isMeasured ? batch.actual.data[start + c]! : NaN);
      }
    }
    return { stretch: Float64Array.from(values), hasMore: next !== undefined };
  }

  /** Devices of the profile, all over the ids: a fleet is often numbered by kind or place. */
  async #devicesOf(tenant: string, name: string): Promise<string[]> {
    const found: string[] = [];
    let cursor: string | undefined;
    do {
      const query = { limit: PAGE_DEVICES, ...(cursor === undefined ? {} : { cursor }) };
      const page = await this.#readSide.devices(tenant, query);
      for (const { device, profile } of page.items) if (profile === name) found.push(device);
      cursor = page.next;
      await setImmediate();
    } while (cursor !== undefined && found.length < PAGE_DEVICES);
    const every = Math.max(1, Math.floor(found.length / MOST_DEVICES));
    return found.filter((_, i) => i % every === 0).slice(0, MOST_DEVICES);
  }
}

function suggestionFor(name: string, devices: readonly ({ readonly device: string } & DeviceDrift)[]): string | null {
  const strong = devices.filter(({ verdict }) => verdict === 'strong');
  if (devices.length === 0 || strong.length < SUGGESTED_SHARE * devices.length) return null;
  const ids = strong.slice(0, TOLD_DEVICES).map(({ device }) => device);
  return (
    `${strong.length} of ${devices.length} devices have moved far from what this model came into force for (${ids.join(', ')}): ` +
    `if that is how they are now, train anew: redshank train --profile ${name} --device ${ids.join(',')} --since 7d`
  );
}
