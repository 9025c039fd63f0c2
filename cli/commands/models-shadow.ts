import type { Command } from 'commander';
import {
  compareVersions,
  runVersion,
  type JudgedSpan,
  type ShadowComparison,
  type VersionRun,
} from '../../models/backtest/shadow-run.js';
import { decodeArtifact, type Artifact } from '../../models/neural/artifact.js';
import type { ModelView as Model, ModelVersionView as ModelVersion } from '../../services/gateway/model-views.js';
import type { ApiClient } from '../client.js';
import { CommandFailure } from '../command-failure.js';
import type { AlertView, DeviceView } from '../events/views.js';
import { ExitCode } from '../exit-codes.js';
import { clientFor, nameList, since, wholeNumber, type GlobalOptions } from '../options.js';
import { writeShadowPage, type ShadowDevice } from '../shadow/shadow-page.js';
import { formatCount, formatDuration } from '../terminal/amounts.js';
import { startProgress } from '../terminal/progress.js';
import { tableLines } from '../terminal/table.js';
import { printJson, printLine, printNote, type Terminal } from '../terminal/terminal.js';
import { seriesFromServer } from '../training/series-from-server.js';

interface ShadowOptions extends GlobalOptions {
  readonly device?: readonly string[];
  readonly since?: number;
  readonly most: number;
  readonly report?: string;
}

type Kind = 'champion' | 'challenger';

const PAGE = 1_000;
const DEFAULT_SINCE = '14d';
const MOST_ALERTS = 1_000;

const HELP = `
Both versions score the readings that the server has recorded, here and not on the server, each from a cold start. So a challenger
has its weeks behind it at once, and nobody was alarmed by it. With verdicts on alerts, it is told how many each would have raised again.

  redshank models shadow pump 3f2a91c04b7d1a22 --since 14d --report shadow.html
  redshank models promote pump 3f2a91c04b7d1a22 --note "5 alerts less, all confirmed ones found"`;

export function addShadowCommand(models: Command, terminal: Terminal): void {
  models
    .command('shadow')
    .description('let a version score what the server has recorded, and compare it with the champion')
    .argument('<name>')
    .argument('<version>')
    .option('--device <ids>', 'devices, divided by commas (default: those of the profile)', nameList)
    .option('--since <time>', `from when on, as 14d, 12h or a date (default ${DEFAULT_SINCE})`, since)
    .option('--most <n>', 'most devices', wholeNumber(1, 10_000), 20)
    .option('--report <file>', 'write a page with pictures')
    .addHelpText('after', HELP)
    .action(async (name: string, version: string, _options: unknown, command: Command) =>
      shadow(terminal, name, version, command.optsWithGlobals<ShadowOptions>()),
    );
}

async function shadow(terminal: Terminal, name: string, version: string, options: ShadowOptions): Promise<void> {
  const client = clientFor(terminal, options);
  const model = await client.get<Model>(`/v1/models/${encodeURIComponent(name)}`);
  const versions = { champion: versionOf(model, model.aliases.champion ?? ''), challenger: versionOf(model, version) };
  if (versions.champion === versions.challenger)
    throw new CommandFailure(ExitCode.usage, `${version} is in force already: there is nothing to compare`);
  const models = await artifactsOf(client, name, Object.values(versions));
  const devices = options.device ?? (await devicesOf(terminal, client, name, options.most));

  const progress = startProgress(terminal, 'shadow', devices.length);
  const found: ShadowDevice[] = [];
  const costMs = { champion: 0, challenger: 0 };
  let rows = 0;
  try {
    for (const [index, device] of devices.entries()) {
      terminal.signal.throwIfAborted();
      const sinceMs = options.since ?? since(DEFAULT_SINCE);
      const collected = await seriesFromServer(client, [device], sinceMs, undefined, () => undefined);
      const [series] = collected.series();
      if (series === undefined) continue;
      const recorded = { ...series, channels: collected.channels };
      rows += series.timesMs.length;
      const timed = (kind: Kind): VersionRun => {
        const startMs = performance.now();
        const run = runVersion(recorded, versions[kind].definition, models);
        costMs[kind] += performance.now() - startMs;
        return run;
      };
      // By turns: whoever comes first pays for code that is not compiled yet.
      const early = index % 2 === 0 ? timed('challenger') : undefined;
      const runs = { champion: timed('champion'), challenger: early ?? timed('challenger') };
      const judged = await judgedSpans(client, device, sinceMs);
      found.push({ device, ...runs, comparison: compareVersions(runs.champion, runs.challenger, judged) });
      progress.update(index + 1, device);
    }
  } finally {
    progress.stop();
  }
  if (found.length === 0) throw new CommandFailure(ExitCode.notFound, `no readings of ${name}'s devices since then`);
  const names = { model: name, champion: versions.champion.version, challenger: versions.challenger.version };
  if (options.report !== undefined) await writeShadowPage(options.report, names, found);
  const microsPerRow = { champion: micros(costMs.champion, rows), challenger: micros(costMs.challenger, rows) };
  if (options.json === true) {
    const comparisons = found.map(({ device, comparison }) => ({ device, ...comparison }));
    printJson(terminal, { ...names, rows, microsPerRow, devices: comparisons });
    return;
  }
  for (const line of comparisonTable(found)) printLine(terminal, line);
  printLine(
    terminal,
    `\n${formatCount(rows)} rows since ${formatDuration(Date.now() - (options.since ?? since(DEFAULT_SINCE)))} ago; ` +
      `${microsPerRow.champion} µs a row with the champion, ${microsPerRow.challenger} µs with the challenger`,
  );
  if (options.report !== undefined) printLine(terminal, `Report: ${options.report}`);
}

function comparisonTable(found: readonly ShadowDevice[]): readonly string[] {
  const header = [
    'device',
    'rows',
    'order alike',
    'alerts',
    'challenger’s',
    'in common',
    'confirmed found',
    'rejected again',
  ];
  return tableLines(
    header,
    found.map(({ device, comparison }) => [
      device,
      comparison.rows,
      Number.isNaN(comparison.rankAgreement) ? '–' : comparison.rankAgreement.toFixed(2),
      comparison.alerts.champion,
      comparison.alerts.challenger,
      comparison.alerts.both,
      ofSpans(comparison.confirmed),
      ofSpans(comparison.rejected),
    ]),
  );
}

function ofSpans({ spans, champion, challenger }: ShadowComparison['confirmed']): string {
  return spans === 0 ? '–' : `${champion} → ${challenger} of ${spans}`;
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
