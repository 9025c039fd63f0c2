import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { STAGES } from '../../models/stages/stage.js';
import type { Settings } from '../../models/settings.js';
import { ApiClient } from '../client.js';
import type { Child } from '../cluster/child.js';
import { clusterParts, type ClusterPart, type ClusterSize } from '../cluster/cluster-parts.js';
import { logLine } from '../cluster/log-line.js';
import { missingServers } from '../cluster/data-servers.js';
import { LocalCluster } from '../cluster/local-cluster.js';
import { whatIsMissing } from '../cluster/readiness.js';
import type { ClusterAnswer } from '../cluster/cluster-answer.js';
import { CommandFailure, failureOf } from '../command-failure.js';
import { checkPort } from '../doctor/machine-checks.js';
import { ExitCode } from '../exit-codes.js';
import { DEFAULT_URL, keyOf, positiveNumber, settingsFor, wholeNumber, type GlobalOptions } from '../options.js';
import { playDemo } from '../simulation/play-demo.js';
import { formatBytes, formatDuration } from '../terminal/amounts.js';
import { startProgress } from '../terminal/progress.js';
import { tableLines } from '../terminal/table.js';
import { printable, printJson, printLine, printNote, type Terminal } from '../terminal/terminal.js';

interface ClusterOptions extends GlobalOptions, ClusterSize {
  readonly port?: number;
  readonly mqtt?: number;
  readonly dir?: string;
  readonly config?: string;
  readonly simulate?: boolean;
  readonly devices: number;
  readonly seed: number;
  readonly duration?: number;
}

/** A dozen processes on a small machine take their time. */
const READY_WITHIN_MS = 180_000;
const LOOK_EVERY_MS = 300;
/** Lines of the start that are kept, to be shown when it fails. */
const MOST_EARLY_LINES = 100;
const REQUEST_TIMEOUT_MS = 10_000;
/** Stand for the addresses that are known once the servers run. */
const PLACEHOLDERS = { NATS_URL: 'nats://127.0.0.1', REDIS_URL: 'redis://127.0.0.1' };
const MOST_REPLICAS = 16;
const KEY_NEEDED =
  'AUTH=on, and this cluster has its keys already: give one of them with --key or REDSHANK_API_KEY, or start anew with another --dir';
/** Nobody else reaches it, and a key that is gone with a temporary folder helps nobody but those who ask for it. */
const DEFAULTS = { AUTH: 'off' };

export function addClusterCommand(program: Command, terminal: Terminal): void {
  const replicas = wholeNumber(1, MOST_REPLICAS);
  program
    .command('cluster')
    .description(
      'a cluster on this machine, for development: NATS, Redis and a process for each part, to be killed at will',
    )
    .option('--ingests <n>', 'processes that take readings', replicas, 2)
    .option('--windows <n>', 'processes of the window stage', replicas, 2)
    .option('--scorers <n>', 'processes of the scorer stage', replicas, 3)
    .option('--alertings <n>', 'processes of the alerting stage', replicas, 1)
    .option('--port <port>', 'port of the gateway, 0 for a free one (PORT)', wholeNumber(0, 65_535))
    .option('--mqtt <port>', 'take MQTT clients at this port: iot/TENANT/DEVICE/telemetry', wholeNumber(1, 65_535))
    .option('--dir <folder>', 'where everything is kept; else a temporary folder, gone at the end')
    .option('--config <file>', 'YAML configuration of all processes (CONFIG_FILE)')
    .option('--simulate', 'feed it the fleet of the demo')
    .option('--devices <n>', 'how many of them', wholeNumber(1, 1_000), 24)
    .option('--seed <n>', 'the same seed makes the same fleet', wholeNumber(0, 4_294_967_295), 1)
    .option('--duration <sec>', 'end after this time; else at Ctrl-C', positiveNumber(86_400))
    .action(async (_options: unknown, command: Command) => {
      await cluster(terminal, command.optsWithGlobals<ClusterOptions>());
    });
}

async function cluster(terminal: Terminal, options: ClusterOptions): Promise<void> {
  const missing = missingServers(terminal.env);
  if (missing !== undefined) throw new CommandFailure(ExitCode.usage, missing);
  const common = partEnvironment(terminal, options);
  // All faults at once, before ten processes tell each of them.
  const settings = { ...terminal, env: { ...common, ...PLACEHOLDERS } };
  const { port, auth } = await settingsFor(settings, options.config, {}, DEFAULTS);
  const env = { ...common, AUTH: auth };
  const found = port === 0 ? undefined : await checkPort({ host: '127.0.0.1', port });
  if (found?.state === 'fail') throw new CommandFailure(ExitCode.usage, `${found.message}, or give --port`);

  const parts = clusterParts(options);
  const startedMs = performance.now();
  const failed = new AbortController();
  let isReady = false;
  const early: string[] = [];
  const local = new LocalCluster({
    folder: options.dir === undefined ? await mkdtemp(join(tmpdir(), 'redshank-local-')) : resolve(options.dir),
    isTemporary: options.dir === undefined,
    parts,
    port,
    mqttPort: options.mqtt,
    env,
    onLine: (name, line) => {
      const text = `${name.padEnd(widthOf(parts))} │ ${printable(logLine(line))}`;
      if (isReady) printNote(terminal, text);
      // Who starts before the others says a lot about their absence.
      else if (early.push(text) > MOST_EARLY_LINES) early.shift();
    },
    onDeath: (child) => {
      if (isReady) tellDeath(terminal, local, parts, child, options.json === true);
      if (!isReady) failed.abort(`${child.name} ${child.ending} while the cluster was starting; its lines say why`);
      else if (!local.isAlive) failed.abort('no part of the cluster is left');
    },
  });
  const signal = AbortSignal.any([terminal.signal, failed.signal]);
  try {
    await local.start();
    await untilReady(terminal, local, options, parts, signal);
    isReady = true;
    early.length = 0;
    announce(terminal, local, options, auth, performance.now() - startedMs);
    await runUntil(terminal, local, options, signal);
  } catch (error) {
    // A stop ends requests and waits; that is no failure.
    if (!terminal.signal.aborted) for (const line of early) printNote(terminal, line);
    if (!signal.aborted) throw error;
  } finally {
    if (options.json !== true) printNote(terminal, 'stopping');
    await local.stop();
    if (options.json !== true) printNote(terminal, 'stopped');
  }
  if (failed.signal.aborted) throw new CommandFailure(ExitCode.failed, String(failed.signal.reason));
}

/** @throws CommandFailure when it is not ready in time, with what is missing. */
async function untilReady(
  terminal: Terminal,
  local: LocalCluster,
  options: ClusterOptions,
  parts: readonly ClusterPart[],
  signal: AbortSignal,
): Promise<void> {
  const untilMs = performance.now() + READY_WITHIN_MS;
  const progress = startProgress(terminal, 'starting', parts.length + STAGES.length);
  try {
    for (;;) {
      signal.throwIfAborted();
      const waiting = await look(local, parts, signal);
      if (waiting === undefined) return;
      if (performance.now() > untilMs) {
        const limit = formatDuration(READY_WITHIN_MS);
        throw new CommandFailure(ExitCode.failed, `not ready within ${limit}: ${waiting.note}; see the lines above`);
      }
      progress.update(local.started + waiting.readyStages, waiting.note);
      await sleep(LOOK_EVERY_MS, undefined, { signal });
    }
  } finally {
    progress.stop();
  }

  async function look(
    { url, started }: LocalCluster,
    all: readonly ClusterPart[],
    ending: AbortSignal,
  ): Promise<{ readonly readyStages: number; readonly note: string } | undefined> {
    if (url === undefined || started < all.length) {
      return { readyStages: 0, note: `${started} of ${all.length} processes run` };
    }
    try {
      const client = clientOf(terminal, local, options, ending);
      const { status, body } = await client.send<ClusterAnswer>('GET', '/v1/cluster', { alsoAnswers: [401] });
      if (status !== 401) return whatIsMissing(body, all);
    } catch (error) {
      ending.throwIfAborted();
      return { readyStages: 0, note: failureOf(error).message };
    }
    // It is asked for in vain for ever.
    throw new CommandFailure(ExitCode.usage, KEY_NEEDED);
  }
}

/** Does what there is to do until the end: feeds the fleet, or nothing. */
async function runUntil(
  terminal: Terminal,
  local: LocalCluster,
  options: ClusterOptions,
  signal: AbortSignal,
): Promise<void> {
  const { duration, simulate, json } = options;
  const limit = duration === undefined ? [] : [AbortSignal.timeout(duration * 1_000)];
  const ending = AbortSignal.any([signal, ...limit]);
  if (simulate === true) {
    const createClient = (end: AbortSignal): ApiClient =>
      new ApiClient({ url: local.url!, key: keyFor(terminal, local, options), signal: end });
    try {
      await playDemo(terminal, createClient, ending, options);
    } catch (error) {
      if (ending.aborted) return;
      // The cluster is for being broken: the fleet that found no door for too long gives up, and the rest goes on.
      const { message } = failureOf(error);
      if (json === true) printJson(terminal, { event: 'fleet-stopped', reason: message });
      else printNote(terminal, `the simulated fleet has given up: ${message}`);
    }
  }
  if (!ending.aborted) await once(ending, 'abort');
}

function announce(
  terminal: Terminal,
  local: LocalCluster,
  options: ClusterOptions,
  auth: Settings['auth'],
  tookMs: number,
): void {
  const { url = '', servers, children, adminKey } = local;
  const memory = children.map((child) => child.memoryBytes());
  const isKnown = memory.every((bytes) => bytes !== undefined);
  const totalBytes = isKnown ? memory.reduce((sum, bytes) => sum + bytes, 0) : undefined;
  if (options.json === true) {
    const processes = children.map(({ name, pid }, i) => ({ name, pid, memoryBytes: memory[i] ?? null }));
    const { natsUrl, redisUrl } = servers!;
    const event = {
      event: 'started',
      url,
      ...(adminKey === undefined ? {} : { adminKey }),
      natsUrl,
      redisUrl,
      tookMs: Math.round(tookMs),
      processes,
    };
    printJson(terminal, { ...event, memoryBytes: totalBytes ?? null });
    return;
  }
  const { bold, cyan } = terminal.colors;
  const scorer = children.find(({ name }) => name.startsWith('scorer'))!;
  const weight = totalBytes === undefined ? '' : `, ${formatBytes(totalBytes)} of memory`;
  const shards = url === DEFAULT_URL ? 'npx redshank shards' : `npx redshank shards --url ${url}`;
  const rows = children.map(({ name, pid }, i) => [name, pid, memory[i] === undefined ? '–' : formatBytes(memory[i])]);
  for (const line of [
    '',
    `${bold('Redshank')} runs as a cluster: ${children.length} processes, ready in ${formatDuration(tookMs)}${weight}`,
    '',
    ...tableLines(['process', 'pid', 'memory'], rows).map((row) => `  ${row}`),
    '',
    `  dashboard   ${cyan(url)}`,
    `  access      ${accessWords(auth, adminKey)}`,
    `  NATS        ${servers?.natsUrl}`,
    `  Redis       ${servers?.redisUrl}`,
    `  data        ${options.dir === undefined ? 'a temporary folder, gone at the end' : resolve(options.dir)}`,
    '  stop        Ctrl-C',
    '',
    '  Try, in another terminal:',
    '',
    ...(auth === 'off' ? [] : [`  export REDSHANK_API_KEY=${adminKey ?? 'rsk_…'}`]),
    `  ${shards}    # who runs what`,
    `  kill -TERM ${scorer.pid}    # ${scorer.name} hands its partitions over; shards again`,
    `  kill -9 ${scorer.pid}    # or dies: others take over when its leases end`,
    `  ${local.joinCommand('scorer')}    # one more scorer`,
    ...(options.simulate === true ? [] : [`  npx redshank simulate --url ${url}    # a fleet to watch`]),
    ...(auth === 'off'
      ? []
      : [`  NATS_URL=${servers?.natsUrl} node examples/foreign-service/pump-watch.js    # another team's service`]),
    '',
  ]) {
    printLine(terminal, line);
  }
}

function accessWords(auth: Settings['auth'], adminKey: string | undefined): string {
  if (auth === 'off')
    return "no key needed, from this machine only; AUTH=on makes a key, which other teams' services need";
  return adminKey === undefined ? 'with a key that this cluster has' : `admin key (shown once): ${adminKey}`;
}

function tellDeath(
  terminal: Terminal,
  local: LocalCluster,
  parts: readonly ClusterPart[],
  child: Child,
  json: boolean,
): void {
  const { name, pid, ending, exitCode, signal } = child;
  if (json) {
    printJson(terminal, { event: 'ended', name, pid, exitCode, signal });
    return;
  }
  const part = parts.find((one) => one.name === name);
  const server = local.servers?.commands[name];
  for (const line of local.linesOf(name)) printNote(terminal, `${name.padEnd(widthOf(parts))} │ ${printable(line)}`);
  const again = server ?? (part === undefined ? undefined : local.joinCommand(part.service));
  const what = terminal.colors.yellow(`${name} (pid ${pid}) ${ending}`);
  printNote(terminal, `${what}. Nobody starts it again but you:${again === undefined ? '' : ` ${again}`}`);
}

function clientOf(terminal: Terminal, local: LocalCluster, options: ClusterOptions, signal: AbortSignal): ApiClient {
  const key = keyFor(terminal, local, options);
  return new ApiClient({ url: local.url!, key, signal, requestTimeoutMs: REQUEST_TIMEOUT_MS, retryForMs: 0 });
}

/** The key that the cluster has just made opens it, whatever the environment says of another. */
function keyFor(terminal: Terminal, { adminKey }: LocalCluster, options: ClusterOptions): string | undefined {
  return adminKey ?? keyOf(terminal, options);
}

/** The environment of all parts. What it says of another NATS or Redis is not for this cluster. */
function partEnvironment(
  terminal: Terminal,
  { config, port, mqtt }: ClusterOptions,
): Record<string, string | undefined> {
  const foreign = Object.keys(terminal.env).filter((name) => /^(NATS|REDIS)_/.test(name));
  return {
    LOG_LEVEL: 'warn',
    ...terminal.env,
    ...Object.fromEntries(foreign.map((name) => [name, ''])),
    ...(config === undefined ? {} : { CONFIG_FILE: resolve(config) }),
    ...(port === undefined ? {} : { PORT: String(port) }),
    ...(mqtt === undefined ? {} : { MQTT: 'on' }),
    HOST: '127.0.0.1',
    METRICS_PORT: '0',
  };
}

function widthOf(parts: readonly ClusterPart[]): number {
  return Math.max(...parts.map(({ name }) => name.length), 'redis-server'.length);
}
