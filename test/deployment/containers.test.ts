/** The image without Docker: its Dockerfile, and its tree, started as it would be. */
import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DockerfileParser, type From } from 'dockerfile-ast';
import { validate } from 'dockerfile-utils';
import { parse } from 'yaml';
import { SERVICE_NAMES } from '../../models/settings.js';
import { freePort } from '../support/free-port.js';
import { until } from '../support/until.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const file = DockerfileParser.parse(readFileSync(`${ROOT}Dockerfile`, 'utf8'));
const instructions = file.getInstructions();
const stageOf = (name: string) => {
  const start = file.getFROMs().findIndex((from: From) => from.getBuildStage() === name);
  const lines = file.getFROMs().map((from: From) => from.getRange().start.line);
  return instructions.filter((one) => {
    const { line } = one.getRange().start;
    return line >= lines[start]! && line < (lines[start + 1] ?? Infinity);
  });
};

describe('Dockerfile', () => {
  const stages = file.getFROMs().map((from) => from.getBuildStage());
  const production = stageOf('production');
  const wordsOf = (keyword: string): string[] =>
    production.filter((one) => one.getKeyword() === keyword).map((one) => one.getArgumentsContent() ?? '');

  it('has nothing that a linter minds, and would be told of it', () => {
    const text = readFileSync(`${ROOT}Dockerfile`, 'utf8');
    assert.deepEqual(validate(text), []);
    assert.equal(validate(`${text}\nWORKDIR app\n`).length, 1);
  });

  it('has the stages that people ask for, on a release of Node that is named', () => {
    assert.ok(stages.includes('production') && stages.includes('development'));
    for (const from of file.getFROMs()) {
      const image = from.getImage()!;
      assert.ok(stages.includes(image) || /^node:22\.\d+\.\d+-bookworm-slim$/.test(image), image);
    }
  });

  it('runs as nobody in particular, with a check, and installs nothing in its last stage', () => {
    assert.deepEqual(wordsOf('USER'), ['1000:1000']);
    assert.equal(wordsOf('HEALTHCHECK').length, 1);
    assert.ok(wordsOf('RUN').every((words) => !/apt|npm|curl/.test(words)));
    const last = readFileSync(`${ROOT}Dockerfile`, 'utf8').split(' AS production')[1]!;
    for (const [line] of last.matchAll(/^COPY .*$/gm)) assert.match(line, /^COPY --from=/);
    assert.ok(wordsOf('ENTRYPOINT')[0]!.startsWith('['));
  });

  it('copies what there is, and what .dockerignore lets in', () => {
    const allowed = readFileSync(`${ROOT}.dockerignore`, 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('!'))
      .map((line) => line.slice(1));
    for (const name of allowed) assert.ok(existsSync(ROOT + name), name);
    for (const top of [
      'bin',
      'cli',
      'client',
      'mixins',
      'models',
      'services',
      'storage',
      'web',
      'moleculer.config.ts',
      'tsconfig.build.json',
    ]) {
      assert.ok(allowed.includes(top), top);
    }
  });
});

describe('docker-compose.yaml', () => {
  interface Service {
    readonly image: string;
    readonly environment?: Record<string, string>;
    readonly volumes?: readonly string[];
    readonly mem_limit?: string;
    readonly ports?: readonly string[];
  }
  const { services } = parse(readFileSync(`${ROOT}docker-compose.yaml`, 'utf8'), { merge: true }) as {
    services: Record<string, Service>;
  };

  it('has a container a service, and all that they need', () => {
    for (const name of SERVICE_NAMES) assert.equal(services[name]?.environment?.['SERVICES'], name);
    for (const name of ['nats', 'redis', 'prometheus', 'grafana', 'alertmanager']) assert.ok(services[name], name);
  });

  it('names releases, bounds memory, and opens ports to this machine alone', () => {
    for (const [name, { image, mem_limit, ports = [] }] of Object.entries(services)) {
      assert.match(image, /:v?\d+\.\d+/, name);
      assert.ok(mem_limit, name);
      for (const port of ports) assert.match(port, /^127\.0\.0\.1:/, name);
    }
  });

  it('mounts files that there are', () => {
    for (const { volumes = [] } of Object.values(services)) {
      for (const volume of volumes) {
        const [source = ''] = volume.split(':');
        if (source.startsWith('./')) assert.ok(existsSync(join(ROOT, source)), source);
      }
    }
  });
});

describe('the tree of the image', function () {
  this.timeout(180_000);
  let tree = '';
  let child: ChildProcess | undefined;

  before(function () {
    if (process.getuid?.() !== 0) {
      console.log('Skipped: only root can start a process as another user.');
      this.skip();
    }
    tree = mkdtempSync(join(tmpdir(), 'redshank-image-'));
    chmodSync(tree, 0o755);
    const app = join(tree, 'app');
    mkdirSync(app);
    const built = spawnSync(
      process.execPath,
      ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json', '--outDir', join(app, 'dist')],
      { cwd: ROOT, encoding: 'utf8' },
    );
    assert.equal(built.status, 0, built.stdout);
    for (const name of ['package.json', 'LICENSE', 'bin', 'web', 'client'])
      cpSync(join(ROOT, name), join(app, name), { recursive: true });
    // What `npm ci --omit=dev` installs, as the lock file says.
    const { packages } = JSON.parse(readFileSync(`${ROOT}package-lock.json`, 'utf8')) as {
      packages: Record<string, { dev?: boolean }>;
    };
    for (const [path, { dev }] of Object.entries(packages)) {
      const isTop = path.startsWith('node_modules/') && path.lastIndexOf('node_modules/') === 0;
      if (!isTop || dev === true || !existsSync(join(ROOT, path))) continue;
      mkdirSync(join(app, path, '..'), { recursive: true });
      symlinkSync(join(ROOT, path), join(app, path));
    }
  });
  after(async () => {
    child?.kill('SIGKILL');
    if (tree !== '') rmSync(tree, { recursive: true, force: true });
    await Promise.resolve();
  });

  it('starts as user 1000, writes its data folder alone, and answers its health check', async () => {
    const data = join(tree, 'data');
    mkdirSync(data);
    chownSync(data, 1000, 1000);
    const [port, metricsPort] = [await freePort(), await freePort()];
    let output = '';
    child = spawn(
      process.execPath,
      ['--preserve-symlinks', '--preserve-symlinks-main', join(tree, 'app/bin/redshank.js'), 'start'],
      {
        uid: 1000,
        gid: 1000,
        cwd: join(tree, 'app'),
        env: {
          PATH: process.env['PATH'],
          NODE_ENV: 'production',
          HOST: '127.0.0.1',
          DATA_DIR: data,
          PORT: String(port),
          METRICS_PORT: String(metricsPort),
        },
      },
    );
    child.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr?.on('data', (chunk: Buffer) => (output += chunk.toString()));
    await until(
      '/ready',
      async () => {
        if (child?.exitCode !== null) throw new Error(output);
        return (await fetch(`http://127.0.0.1:${port}/ready`).catch(() => undefined))?.ok === true;
      },
      60_000,
    );
    const [, check] = /"-e", "(.*)"\]/.exec(readFileSync(`${ROOT}Dockerfile`, 'utf8'))!;
    const health = (at: number) =>
      spawnSync(process.execPath, ['-e', check!], { env: { METRICS_PORT: String(at) } }).status;
    assert.deepEqual([health(metricsPort), health(1)], [0, 1]);
    child.kill('SIGTERM');
    const [code] = (await once(child, 'exit')) as [number];
    assert.equal(code, 0, output);
    assert.deepEqual(readdirSync(join(tree, 'app')).sort(), [
      'LICENSE',
      'bin',
      'client',
      'dist',
      'node_modules',
      'package.json',
      'web',
    ]);
  });
});
