/** Both versions of a model over what a server has recorded, scored on this machine. */
import type { Command } from 'commander';
import { compareVersions, runVersion, type JudgedSpan, type VersionRun } from '../../models/backtest/shadow-run.js';
import { decodeArtifact, type Artifact } from '../../models/neural/artifact.js';
import type { Alias } from '../../models/registry/registry.js';
import type { Model, ModelVersion } from '../../services/gateway/schemas/model.js';
import type { ApiClient } from '../client.js';
import { CommandFailure } from '../command-failure.js';
import type { AlertView, DeviceView } from '../events/views.js';
import { ExitCode } from '../exit-codes.js';
import { clientFor, nameList, since, wholeNumber, type GlobalOptions } from '../options.js';
import { startProgress } from '../terminal/progress.js';
import { printNote, type Terminal } from '../terminal/terminal.js';
import { seriesFromServer } from '../training/series-from-server.js';
import type { ShadowDevice } from './shadow-page.js';

/** What is compared; given to every command that compares. */
export interface RecordedOptions extends GlobalOptions {
  readonly device?: readonly string[];
  readonly since?: number;
  readonly most: number;
}

export interface RecordedComparison {
  readonly champion: ModelVersion;
  readonly challenger: ModelVersion;
  readonly devices: readonly ShadowDevice[];
  readonly rows: number;
  readonly sinceMs: number;
  /** µs to score a row. */
  readonly microsPerRow: Readonly<Record<Alias, number>>;
}

const PAGE = 1_000;
const DEFAULT_SINCE = '14d';
const MOST_ALERTS = 1_000;

export function addRecordedOptions(command: Command): Command {
  return command
    .option('--device <ids>', 'devices, divided by commas (default: those of the profile)', nameList)
    .option('--since <time>', `from when on, as 14d, 12h or a date (default ${DEFAULT_SINCE})`, since)
    .option('--most <n>', 'most devices', wholeNumber(1, 10_000), 20);
}

/**
 * @param wanted version, the first digits of one, or undefined for the challenger
 * @throws CommandFailure when there is nothing to compare
 */
export async function compareRecorded(
  terminal: Terminal,
  name: string,
  wanted: string | undefined,
  options: RecordedOptions,
): Promise<RecordedComparison> {
  const client = clientFor(terminal, options);
  const model = await client.get<Model>(`/v1/models/${encodeURIComponent(name)}`);
  const champion = versionOf(model, model.aliases.champion ?? '');
  const challenger = versionOf(model, wanted ?? challengerOf(model));
  if (champion === challenger) {
    throw new CommandFailure(ExitCode.usage, `${challenger.version} is in force already: there is nothing to compare`);
  }
  const versions = { champion, challenger };
  const models = await artifactsOf(client, name, [champion, challenger]);
  const ids = options.device ?? (await devicesOf(terminal, client, name, options.most));
  const sinceMs = options.since ?? since(DEFAULT_SINCE);

  const progress = startProgress(terminal, 'shadow', ids.length);
  const devices: ShadowDevice[] = [];
  const costMs = { champion: 0, challenger: 0 };
  let rows = 0;
  try {
    for (const [index, device] of ids.entries()) {
      terminal.signal.throwIfAborted();
      const collected = await seriesFromServer(client, [device], sinceMs, undefined, () => undefined);
      const [series] = collected.series();
      if (series === undefined) continue;
      const recorded = { ...series, channels: collected.channels };
      rows += series.timesMs.length;
      const timed = (alias: Alias): VersionRun => {
        const startMs = performance.now();
        const run = runVersion(recorded, versions[alias].definition, models);
        costMs[alias] += performance.now() - startMs;
        return run;
      };
      // By turns: whoever comes first pays for code that is not compiled yet.
      const early = index % 2 === 0 ? timed('challenger') : undefined;
      const runs = { champion: timed('champion'), challenger: early ?? timed('challenger') };
      const judged = await judgedSpans(client, device, sinceMs);
      devices.push({ device, ...runs, comparison: compareVersions(runs.champion, runs.challenger, judged) });
      progress.update(index + 1, device);
    }
  } finally {
    progress.stop();
  }
  if (devices.length === 0) throw new CommandFailure(ExitCode.notFound, `no readings of ${name}'s devices since then`);
  const microsPerRow = { champion: micros(costMs.champion, rows), challenger: micros(costMs.challenger, rows) };
  return { champion, challenger, devices, rows, sinceMs, microsPerRow };
}

function challengerOf({ name, aliases }: Model): string {
  if (aliases.challenger !== undefined) return aliases.challenger;
  throw new CommandFailure(ExitCode.usage, `${name} has no challenger: name a version; redshank models show ${name}`);
}

function versionOf({ name, versions }: Model, wanted: string): ModelVersion {
  const found = versions.filter(({ version }) => wanted !== '' && version.startsWith(wanted));
  if (found.length === 1) return found[0]!;
  const reason = found.length === 0 ? 'has no version' : 'has several versions that begin with';
  throw new CommandFailure(ExitCode.notFound, `${name} ${reason} ${wanted}; redshank models show ${name}`);
}

async function artifactsOf(
  client: ApiClient,
  name: string,
  versions: readonly ModelVersion[],
): Promise<ReadonlyMap<string, Artifact>> {
  const models = new Map<string, Artifact>();
  for (const { version, definition } of versions) {
    if (definition.detection.model === undefined) continue;
    const artifact = decodeArtifact(
      await client.bytes(`/v1/models/${encodeURIComponent(name)}/versions/${version}/artifact`),
    );
    models.set(artifact.version, artifact);
  }
  return models;
}

/** Devices of the profile, as many as are wanted. */
async function devicesOf(
  terminal: Terminal,
  client: ApiClient,
  name: string,
  most: number,
): Promise<readonly string[]> {
  const found: string[] = [];
  let cursor: string | undefined;
  do {
    const page: { devices: DeviceView[]; next?: string } = await client.get('/v1/devices', {
      query: { limit: PAGE, cursor },
    });
    found.push(...page.devices.filter(({ profile }) => profile === name).map(({ device }) => device));
    cursor = page.next;
  } while (cursor !== undefined && found.length <= most);
  if (found.length > most)
    printNote(terminal, `the first ${most} devices of ${name}; more with --most, others with --device`);
  return found.slice(0, most);
}

/** Alerts of the device that somebody has judged. */
async function judgedSpans(client: ApiClient, device: string, sinceMs: number): Promise<JudgedSpan[]> {
  const { alerts } = await client.get<{ alerts: AlertView[] }>('/v1/alerts', { query: { device, limit: MOST_ALERTS } });
  return alerts.flatMap(({ feedback, started, lastStrange }) => {
    const [fromMs, toMs] = [Date.parse(started), Date.parse(lastStrange)];
    return feedback === undefined || toMs < sinceMs ? [] : [{ fromMs, toMs, verdict: feedback }];
  });
}

const micros = (ms: number, rows: number): number => Number(((1_000 * ms) / Math.max(1, rows)).toPrecision(3));
