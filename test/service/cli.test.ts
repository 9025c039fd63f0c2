import assert from 'node:assert/strict';
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { clock } from '../../cli/events/views.js';
import { until } from '../support/until.js';
import { recordingTerminal, run } from '../unit/cli/recording-terminal.js';

const BIN = fileURLToPath(new URL('../../bin/redshank.js', import.meta.url));

interface ScoreRow {
  readonly ts: string;
  readonly score: number;
  readonly event: number;
}

interface Explained {
  readonly strange: readonly ScoreRow[];
  readonly latest: ScoreRow;
}

describe('redshank, as a process', function () {
  this.timeout(90_000);
  let folder = '';
  const children = new Set<ChildProcessWithoutNullStreams>();
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'redshank-test-'));
  });
  after(async () => {
    for (const child of children) child.kill('SIGKILL');
    await rm(folder, { recursive: true });
  });

  function start(args: readonly string[], env: Readonly<Record<string, string>>): ChildProcessWithoutNullStreams {
    const { PATH = '' } = process.env;
    const child = spawn(process.execPath, [BIN, ...args], { cwd: folder, env: { PATH, METRICS_PORT: '0', ...env } });
    children.add(child);
    child.once('exit', () => children.delete(child));
    return child;
  }

  /** The first JSON line of stdout that `fits`. */
  async function line<T>(child: ChildProcessWithoutNullStreams, fits: (value: unknown) => value is T): Promise<T> {
    let errors = '';
    child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
    for await (const text of createInterface({ input: child.stdout })) {
      const value: unknown = text.startsWith('{') ? JSON.parse(text) : undefined;
      if (fits(value)) return value;
    }
    throw new Error(`the process ended without that line: ${errors}`);
  }

  async function end(child: ChildProcessWithoutNullStreams): Promise<{ exitCode: number | null; err: string }> {
    let err = '';
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
    const [exitCode] = (await once(child, 'close')) as [number | null];
    return { exitCode, err };
  }

  const isStarted = (value: unknown): value is { started: { url: string } } =>
    typeof value === 'object' && value !== null && 'started' in value;

  describe('start', () => {
    let server: ChildProcessWithoutNullStreams;
    let url = '';
    before(async () => {
      const dataDir = join(folder, 'data');
      server = start(['start', '--json'], { AUTH: 'off', PORT: '0', LOG_LEVEL: 'warn', DATA_DIR: dataDir });
      url = (await line(server, isStarted)).started.url;
    });

    const command = (...args: string[]) => run([...args, '--url', url], recordingTerminal());

    it('scores an ingested file exactly as backtest does', async () => {
      const data = join(folder, 'sets');
      const simulate = [
        'simulate',
        '--out',
        data,
        '--name',
        'S',
        '--devices',
        '1',
        '--duration',
        '1500',
        '--seed',
        '5',
      ];
      await run([...simulate, '--faults', 'level-shift', '--fault-every', '300']);
      const file = join(data, 'S', 'pump-01.csv');

      const { exitCode, out } = await command('ingest', file, '--device', 'press-1', '--json');
      assert.equal(exitCode, 0, out);
      const report = JSON.parse(out) as {
        rows: number;
        accepted: number;
        outcomes: Record<string, number>;
      };
      assert.equal(report.accepted, report.rows);
      assert.equal(report.outcomes['scored'], report.rows);
      await until('an alert for an obvious fault', async () => {
        const listed = await command('alerts', 'list', '--json', '--device', 'press-1');
        return (JSON.parse(listed.out) as { alerts: unknown[] }).alerts.length > 0;
      });

      const answer = await fetch(`${url}/v1/devices/press-1/scores?from=0&limit=100000`);
      const { scores } = (await answer.json()) as { scores: ScoreRow[] };
      assert.equal((await run(['backtest', '--data', data, '--out', join(folder, 'out')])).exitCode, 0);
      const lines = (await readFile(join(folder, 'out', 'S', 'pump-01.csv'), 'utf8')).trimEnd().split('\n').slice(1);
      assert.deepEqual(
        scores.map(({ ts, score, event }) => `${ts.slice(0, 19).replace('T', ' ')},${score},${event}`),
        lines.map((text) => text.slice(0, text.lastIndexOf(','))),
      );
    });

    it('tells what became of rows that come again', async () => {
      const rows = 'ts,a\n1000,1\n1001,2\n1001,2\n1001,3\n1000,1\n900,5\nsoon,1\n';
      const terminal = recordingTerminal({}, rows);
      const { exitCode, out, err } = await run(['ingest', '-', '--device', 'again', '--url', url], terminal);
      assert.equal(exitCode, 5);
      assert.match(out, /scored 2 · duplicate 2 · conflict 1 · late 1 · future 0 · invalid 1/);
      assert.match(err, /row 7: timestamp must be/);
    });

    it('takes NDJSON of many devices', async () => {
      const lines = Array.from({ length: 50 }, (_, i) => `{"device":"m-${i % 5}","ts":${1_000 + i},"a":${i}}\n`).join(
        '',
      );
      const terminal = recordingTerminal({}, lines);
      const { exitCode, out } = await run(['ingest', '-', '--url', url, '--json', '--batch', '7'], terminal);
      assert.equal(exitCode, 0);
      const { devices, outcomes } = JSON.parse(out) as { devices: number; outcomes: { scored: number } };
      assert.deepEqual([devices, outcomes.scored], [5, 50]);
    });

    it('lists, shows and explains devices, and answers alerts', async () => {
      assert.match((await command('devices')).out, /press-1 {2,}ready/);
      assert.match((await command('devices', 'press-1')).out, /outcomes +scored 1,/);
      assert.match((await command('explain', 'press-1')).out, /score .*, threshold /);
      assert.equal((await command('explain', 'nobody')).exitCode, 4);
      const { out } = await command('alerts', 'list', '--json', '--device', 'press-1');
      const { alerts } = JSON.parse(out) as { alerts: { id: string }[] };
      const answered = await command('feedback', alerts[0]!.id, 'anomaly', '--note', 'seen', '--json');
      assert.equal((JSON.parse(answered.out) as { feedback: string }).feedback, 'anomaly');
      assert.equal((await command('alerts', 'ack', 'al_none')).exitCode, 4);
    });

    it('explains the strangest moment of an episode, and what is now', async () => {
      const values = [...Array.from({ length: 400 }, (_, i) => 20 + (i % 7) / 10), 90, 30, 30, 30, 30, 30, 30, 30];
      const rows = ['ts,temp', ...values.map((value, i) => `${1_000 + i},${value}`), ''].join('\n');
      await run(['ingest', '-', '--device', 'spiky', '--url', url], recordingTerminal({}, rows));
      const { strange, latest } = (await (await fetch(`${url}/v1/devices/spiky/explain`)).json()) as Explained;
      const { out } = await command('explain', 'spiky');
      assert.match(out, /temp 90, usual 19/);
      assert.match(out, /now .*score .*, threshold/);
      assert.ok(out.includes(clock(latest.ts)), out);
      const { strange: told } = JSON.parse((await command('explain', 'spiky', '--json')).out) as Explained;
      assert.deepEqual(told, strange);
    });

    it('shows live scores and alerts with tail', async () => {
      const stop = new AbortController();
      const terminal = recordingTerminal({}, '', stop.signal);
      const seen = new Promise<void>((done) => {
        const write = terminal.stdout.write.bind(terminal.stdout);
        terminal.stdout.write = (chunk: unknown) => {
          done();
          return write(chunk);
        };
      });
      const inWords = recordingTerminal({}, '', stop.signal);
      const tails = Promise.all([
        run(['tail', '--json', '--url', url], terminal),
        run(['tail', '--url', url], inWords),
      ]);
      const feeding = new AbortController();
      const feed = run(['simulate', '--url', url, '--devices', '1', '--seed', '2', '--interval', '0.1'], {
        ...recordingTerminal(),
        signal: feeding.signal,
      });
      await seen;
      await until('the other tail', () => inWords.stderr.text !== '');
      stop.abort();
      feeding.abort();
      const [[{ exitCode, out, err }, words]] = await Promise.all([tails, feed]);
      assert.equal(exitCode, 0);
      assert.match(out, /"device":"pump-01"/);
      assert.deepEqual([err, words.err], ['', `connected to ${url}, waiting for scores and alerts\n`]);
    });

    it('is well, says doctor', async () => {
      const { exitCode, out } = await command('doctor', '--json');
      assert.equal(exitCode, 0, out);
    });

    it('refuses a second process on its data folder, and its port, in one line each', async () => {
      const env = { AUTH: 'off', LOG_LEVEL: 'silent' };
      const sameData = await end(start(['start'], { ...env, PORT: '0', DATA_DIR: join(folder, 'data') }));
      assert.equal(sameData.exitCode, 1);
      assert.match(sameData.err, /^redshank: .*in use by process \d+.*\n$/);
      const { port } = new URL(url);
      const samePort = await end(start(['start', '--port', port], { ...env, DATA_DIR: join(folder, 'other') }));
      assert.equal(samePort.exitCode, 2);
      assert.match(samePort.err, /already in use/);
      assert.doesNotMatch(samePort.err, /\n\s+at /);
    });

    it('stops gracefully when asked to, also while a body is half sent', async () => {
      const { hostname, port } = new URL(url);
      const socket = connect(Number(port), hostname);
      socket.on('error', () => undefined);
      const head = `Host: ${hostname}\r\nContent-Type: application/json\r\nContent-Length: 9\r\nExpect: 100-continue`;
      socket.write(`POST /v1/readings HTTP/1.1\r\n${head}\r\n\r\n{`);
      await once(socket, 'data');
      const ended = end(server);
      server.kill('SIGTERM');
      assert.equal((await ended).exitCode, 0);
    });
  });

  it('says what is wrong with a data folder that cannot be one', async () => {
    const file = join(folder, 'file');
    await writeFile(file, '');
    const { exitCode, err } = await end(
      start(['start'], { AUTH: 'off', PORT: '0', LOG_LEVEL: 'silent', DATA_DIR: file }),
    );
    assert.equal(exitCode, 1);
    assert.ok(err.includes(file), err);
    assert.doesNotMatch(err, /\n\s+at /);
  });

  it('reports all bad settings at once', async () => {
    const { exitCode, err } = await end(start(['start'], { PORT: 'x', LOG_LEVEL: 'loud', REDSHANK_COLOUR: 'red' }));
    assert.equal(exitCode, 2);
    assert.match(err, /3 bad setting\(s\)/);
  });

  describe('demo', () => {
    it('shows an anomaly, then leaves nothing behind', async () => {
      const TMPDIR = join(folder, 'tmp');
      await mkdir(TMPDIR);
      const child = start(['demo', '--json', '--devices', '8'], { PORT: '0', TMPDIR });
      const isAlert = (value: unknown): value is { event: string; alert: { device: string } } =>
        typeof value === 'object' && value !== null && 'change' in value && value.change === 'raised';
      const { alert } = await line(child, isAlert);
      assert.notEqual(alert.device, '');
      const ended = end(child);
      child.kill('SIGINT');
      assert.equal((await ended).exitCode, 0);
      assert.deepEqual(
        (await readdir(TMPDIR)).filter((name) => name.startsWith('redshank')),
        [],
      );
    });

    it('says how to choose another port', async () => {
      const other = createServer();
      await new Promise<void>((done) => other.listen(0, '127.0.0.1', done));
      const { port } = other.address() as AddressInfo;
      const { exitCode, err } = await end(start(['demo'], { PORT: String(port) }));
      await new Promise((done) => other.close(done));
      assert.equal(exitCode, 2);
      assert.ok(err.includes(`port ${port} is taken: choose another with PORT`), err);
    });
  });

  it('names all ports that are taken, before it makes the only key that it shows', async () => {
    const others = [createServer(), createServer()];
    for (const other of others) await new Promise<void>((done) => other.listen(0, '127.0.0.1', done));
    const [PORT = '', METRICS_PORT = ''] = others.map((other) => String((other.address() as AddressInfo).port));
    const env = { PORT, METRICS_PORT, DATA_DIR: join(folder, 'with-taken-ports') };
    const { exitCode, err } = await end(start(['start'], env));
    for (const other of others) other.close();
    assert.equal(exitCode, 2);
    for (const [name, port] of Object.entries({ PORT, METRICS_PORT })) {
      assert.ok(err.includes(`${name}: 127.0.0.1:${port} is already in use`), err);
    }
    assert.doesNotMatch(err, /rsk_/);
    assert.equal(existsSync(env.DATA_DIR), false);
  });
});
