/** The NATS and the Redis of a local cluster: on free ports of the loopback interface, with their files in one folder. */
import { spawnSync } from 'node:child_process';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CommandFailure } from '../command-failure.js';
import { ExitCode } from '../exit-codes.js';
import { Child, type ChildOptions } from './child.js';

export interface DataServers {
  readonly nats: Child;
  readonly redis: Child;
  readonly natsUrl: string;
  readonly redisUrl: string;
  /** What starts each of them again by hand, on the same port and files. */
  readonly commands: Readonly<Record<string, string>>;
}

/** Names in the output, and Debian's packages. */
const NATS = 'nats-server';
const REDIS = 'redis-server';
const READY_WITHIN_MS = 20_000;
const LOOK_EVERY_MS = 50;
/** Between choosing a free port and listening on it somebody else may take it. */
const ATTEMPTS = 3;
/** What the log needs: chunks are up to 4 MiB. */
const MAX_PAYLOAD = '8MB';

/** What is not installed, in one line that says how to install it; undefined when all is there. */
export function missingServers(env: Readonly<Record<string, string | undefined>>): string | undefined {
  const isMissing = (program: string): boolean => spawnSync(program, ['--version'], { env }).error !== undefined;
  const missing = [NATS, REDIS].filter(isMissing);
  if (missing.length === 0) return undefined;
  return `a cluster needs ${missing.join(' and ')}: sudo apt-get install ${missing.join(' ')}`;
}

/**
 * @param how the callbacks and environment of each.
 * @param mqttPort where NATS takes MQTT clients; undefined: nowhere.
 * @throws CommandFailure when one does not come up.
 */
export async function startDataServers(
  folder: string,
  how: Pick<ChildOptions, 'env' | 'onLine' | 'onEnd'>,
  mqttPort?: number,
): Promise<DataServers> {
  const [nats, redis] = await Promise.all([
    startNats(join(folder, 'nats'), how, mqttPort),
    startRedis(join(folder, 'redis'), how),
  ]);
  return {
    nats: nats.child,
    redis: redis.child,
    natsUrl: `nats://127.0.0.1:${nats.port}`,
    redisUrl: `redis://127.0.0.1:${redis.port}`,
    commands: { [NATS]: `${NATS} -c ${nats.config}`, [REDIS]: `${REDIS} ${redis.config}` },
  };
}

interface Started {
  readonly child: Child;
  readonly port: number;
  readonly config: string;
}

async function startNats(
  folder: string,
  how: Pick<ChildOptions, 'env' | 'onLine' | 'onEnd'>,
  mqttPort: number | undefined,
): Promise<Started> {
  const config = join(folder, 'nats.conf');
  await mkdir(folder, { recursive: true });
  for (const name of await readdir(folder)) if (name.endsWith('.ports')) await rm(join(folder, name));
  const lines = (port: number): string =>
    [
      'host: 127.0.0.1',
      `port: ${port}`,
      `max_payload: ${MAX_PAYLOAD}`,
      `ports_file_dir: ${JSON.stringify(folder)}`,
      `jetstream { store_dir: ${JSON.stringify(join(folder, 'store'))} }`,
      ...(mqttPort === undefined ? [] : ['server_name: nats-1', `mqtt { host: 127.0.0.1, port: ${mqttPort} }`]),
      '',
    ].join('\n');
  // It takes a free port by itself, and writes down which.
  await writeFile(config, lines(-1));
  const child = new Child({ name: NATS, command: NATS, args: ['-c', config], ...how });
  const port = await untilReady(child, () => natsPort(join(folder, `nats-server_${child.pid}.ports`)));
  // Whoever starts it again by hand wants the same port.
  await writeFile(config, lines(port));
  return { child, port, config };
}

async function natsPort(portsFile: string): Promise<number | undefined> {
  const text = await readFile(portsFile, 'utf8').catch(() => '');
  if (text === '') return undefined;
  const { nats } = JSON.parse(text) as { nats: readonly string[] };
  return Number(new URL(nats[0]!).port);
}

async function startRedis(folder: string, how: Pick<ChildOptions, 'env' | 'onLine' | 'onEnd'>): Promise<Started> {
  const config = join(folder, 'redis.conf');
  await mkdir(folder, { recursive: true });
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const dump = JSON.stringify(folder);
    // No dump: what it holds is filled again from the log.
    const lines = ['bind 127.0.0.1', `port ${port}`, `dir ${dump}`, 'save ""', 'appendonly no', 'daemonize no', ''];
    await writeFile(config, lines.join('\n'));
    let isReady = false;
    const child = new Child({
      name: REDIS,
      command: REDIS,
      args: [config],
      ...how,
      onLine: (line, self) => {
        isReady ||= line.includes('Ready to accept connections');
        how.onLine(line, self);
      },
      // Its end before it was ready is for `untilReady` to tell.
      onEnd: (self) => isReady && how.onEnd(self),
    });
    try {
      await untilReady(child, () => (isReady ? true : undefined));
      return { child, port, config };
    } catch (error) {
      if (attempt === ATTEMPTS || child.isRunning) throw error;
    }
  }
}

/** Polls, since neither server tells its parent. @throws CommandFailure when it ends, or is not ready in time. */
async function untilReady<T>(child: Child, look: () => T | undefined | Promise<T | undefined>): Promise<T> {
  const untilMs = performance.now() + READY_WITHIN_MS;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (!child.isRunning) throw new CommandFailure(ExitCode.failed, `${child.name} ${child.ending} while starting`);
    if (performance.now() > untilMs) {
      await child.stop(0);
      throw new CommandFailure(ExitCode.failed, `${child.name} was not ready within ${READY_WITHIN_MS / 1_000} s`);
    }
    await sleep(LOOK_EVERY_MS);
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
