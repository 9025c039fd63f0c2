/** Checks of this machine: Node, the data folder, the port. */
import { access, constants, mkdtemp, rm, stat, statfs } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import type { Settings } from '../../models/settings.js';
import { bindProblem } from '../../services/gateway/listen.js';
import { formatBytes } from '../terminal/amounts.js';
import { fail, ok, warn, type Finding } from './check.js';

const LEAST_NODE = [20, 19] as const;
const RECOMMENDED_NODE = 22;
const LOW_DISK_BYTES = 1e9;
const FULL_DISK_BYTES = 1e8;

/** @param version as `process.versions.node`. */
export function checkNode(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major < LEAST_NODE[0] || (major === LEAST_NODE[0] && minor < LEAST_NODE[1])) {
    return fail(
      'node',
      `Node must be >= ${LEAST_NODE.join('.')}, this is ${version}: install Node ${RECOMMENDED_NODE}`,
    );
  }
  if (major < RECOMMENDED_NODE) return ok('node', `Node ${version}; ${RECOMMENDED_NODE} is recommended`);
  return ok('node', `Node ${version}`);
}

/** Writable, and with room. A folder that does not exist yet is judged by the one that will hold it; nothing is left behind. */
export async function checkDataDir(dataDir: string): Promise<readonly Finding[]> {
  const folder = await nearestFolder(resolve(dataDir));
  try {
    await access(folder, constants.W_OK);
    const probe = await mkdtemp(join(folder, '.doctor-'));
    await rm(probe, { recursive: true });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return [fail('data folder', `${folder} is not writable (${reason}): change its owner, or set DATA_DIR to another`)];
  }
  const disk = await statfs(folder);
  const freeBytes = disk.bavail * disk.bsize;
  const free = `${formatBytes(freeBytes)} free on the disk of ${folder}`;
  const room =
    freeBytes < FULL_DISK_BYTES
      ? fail('disk', `${free}: make room, or no reading can be accepted`)
      : freeBytes < LOW_DISK_BYTES
        ? warn('disk', `${free}: make room soon, or lower history_days`)
        : ok('disk', free);
  return [ok('data folder', `${dataDir} is writable`), room];
}

/** For a server that is not running: may it listen where the settings say? */
export function checkPort({ host, port }: Pick<Settings, 'host' | 'port'>): Promise<Finding> {
  return new Promise((done) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      done(fail('port', bindProblem(error, host, port, 'PORT')));
    });
    server.listen(port, host, () => server.close(() => done(ok('port', `${host}:${port} is free`))));
  });
}

async function nearestFolder(path: string): Promise<string> {
  for (let folder = path; ; folder = dirname(folder)) {
    const info = await stat(folder).catch(() => undefined);
    if (info !== undefined || dirname(folder) === folder) return folder;
  }
}
