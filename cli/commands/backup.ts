import { randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Writable } from 'node:stream';
import type { Command } from 'commander';
import { inboxPrefixOf, redactUrl, type Settings } from '../../models/settings.js';
import { packageVersion } from '../../services/package-version.js';
import { ArchiveWriter, isEncrypted, readArchive, verifyArchive, type Manifest } from '../../storage/backup/archive.js';
import { whileLogIsHeld } from '../../storage/backup/backup-hold.js';
import { BackupKey } from '../../storage/backup/backup-key.js';
import { backupPlace } from '../../storage/backup/backup-place.js';
import {
  finishStreams,
  isMissing,
  prepareStreams,
  restoreStream,
  streamsOf,
  streamSnapshot,
  type StreamHead,
} from '../../storage/backup/cluster-backup.js';
import { backUpFolder, FolderRestore, partitionsOfFolder } from '../../storage/backup/embedded-backup.js';
import { s3SettingsOf } from '../../storage/backup/s3-bucket.js';
import { KvLeases } from '../../storage/leases/kv-leases.js';
import { JetStreamApi } from '../../storage/nats/jetstream-api.js';
import { NatsConnection } from '../../storage/nats/nats-connection.js';
import { NotFoundError, RequestInvalidError } from '../../models/errors.js';
import { CommandFailure } from '../command-failure.js';
import { ExitCode } from '../exit-codes.js';
import { settingsFor, wholeNumber, type GlobalOptions } from '../options.js';
import { formatBytes, formatCount, formatDuration } from '../terminal/amounts.js';
import { confirm } from '../terminal/confirm.js';
import { startProgress } from '../terminal/progress.js';
import { printJson, printLine, type Terminal } from '../terminal/terminal.js';

interface BackupOptions extends GlobalOptions {
  readonly to: string;
  readonly keyFile?: string;
  readonly keep?: number;
  readonly config?: string;
}

interface RestoreOptions extends GlobalOptions {
  readonly from: string;
  readonly keyFile?: string;
  readonly yes?: boolean;
  readonly check?: boolean;
  readonly config?: string;
}

const PLACES = `
A place is a file, a folder (with a slash at its end: backups in it are named by time), or s3://bucket/prefix/ of any store that speaks
S3: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, and S3_ENDPOINT where it is not Amazon's.`;

export function addBackupCommand(program: Command, terminal: Terminal): void {
  program
    .command('backup')
    .description('copy everything: the log, snapshots, models, keys, silences; while it runs')
    .requiredOption('--to <place>', 'where to')
    .option('--key-file <file>', 'encrypt it with the passphrase, or the age keys, in this file')
    .option('--keep <n>', 'then remove all but the newest n in the folder or prefix', wholeNumber(1, 10_000))
    .option('--config <file>', 'YAML configuration (CONFIG_FILE)')
    .addHelpText('after', `${PLACES}\nOf DATA_DIR, or with NATS_URL (and REDIS_URL) of the cluster there.`)
    .action(async (_options: unknown, command: Command) => {
      await backUp(terminal, command.optsWithGlobals<BackupOptions>());
    });
}

export function addRestoreCommand(program: Command, terminal: Terminal): void {
  program
    .command('restore')
    .description('bring a backup back, where nothing runs')
    .requiredOption('--from <place>', 'a backup; the newest of a folder or prefix')
    .option('--key-file <file>', 'the passphrase with which it was encrypted, or the secret age key')
    .option('--check', 'only look whether it is whole and can be opened')
    .option('--yes', 'replace what is there')
    .option('--config <file>', 'YAML configuration (CONFIG_FILE)')
    .addHelpText('after', PLACES)
    .action(async (_options: unknown, command: Command) => {
      await restore(terminal, command.optsWithGlobals<RestoreOptions>());
    });
}

async function backUp(terminal: Terminal, options: BackupOptions): Promise<void> {
  const settings = await settingsFor(terminal, options.config);
  const key = await keyOf(options.keyFile);
  const startedMs = performance.now();
  const place = await backupPlace(options.to, s3SettingsOf(terminal.env), Date.now());
  if (options.keep !== undefined && !place.keepsMany) {
    throw new RequestInvalidError('--keep is for a folder or prefix: with a slash at its end --to names one');
  }
  const of = whatIs(settings);
  const progress = startProgress(terminal, 'backup', 0);
  let bytes = 0;
  let parts = 0;
  const copied = (name: string, more: number): void => {
    bytes += more;
    progress.update(0, `${formatCount(++parts)} parts, ${formatBytes(bytes)}, ${name}`);
  };
  let manifest: Manifest | undefined;
  try {
    await inScratch(async (scratch) => {
      await place.write(async (output) => {
        manifest =
          settings.natsUrl === undefined
            ? await ofFolder(settings, scratch, output, key, copied)
            : await ofCluster(settings, scratch, output, key, copied);
      });
    });
  } finally {
    progress.stop();
  }
  const removed = options.keep === undefined ? 0 : await place.prune(options.keep);
  const tookMs = Math.round(performance.now() - startedMs);
  const done = {
    place: place.name,
    of,
    mode: manifest!.mode,
    parts,
    bytes,
    encrypted: key !== undefined,
    removed: removed ?? 0,
    tookMs,
  };
  if (options.json === true) printJson(terminal, done);
  else {
    const what = `${formatCount(parts)} parts, ${formatBytes(bytes)}${key === undefined ? ', NOT encrypted' : ', encrypted'}`;
    printLine(
      terminal,
      `${place.name}: ${of}, ${what}, in ${formatDuration(tookMs)}${removed !== undefined && removed > 0 ? `; ${removed} old ones removed` : ''}`,
    );
    const withKey = options.keyFile === undefined ? '' : ' --key-file KEY';
    printLine(terminal, `  check it with: redshank restore --check --from ${place.name}${withKey}`);
  }
  if (removed === undefined) {
    throw new CommandFailure(
      ExitCode.failed,
      `${place.name} is under a tenth of the largest backup beside it: was the log lost? None was removed. ` +
        'If it is all right, remove the old ones yourself',
    );
  }
}

/** Of what a backup is, or into what it goes. */
function whatIs({ natsUrl, namespace, dataDir }: Settings): string {
  return natsUrl === undefined
    ? `the data in ${resolve(dataDir)}`
    : `the cluster ${namespace} at ${redactUrl(natsUrl)}`;
}

async function ofFolder(
  settings: Settings,
  scratch: string,
  output: Writable,
  key: BackupKey | undefined,
  copied: (name: string, bytes: number) => void,
): Promise<Manifest> {
  const partitions = await partitionsOfFolder(settings.dataDir);
  const archive = new ArchiveWriter(output, key);
  await backUpFolder(settings, scratch, archive, copied);
  return archive.finish({ ...facts(settings), mode: 'embedded', partitions });
}

async function ofCluster(
  settings: Settings,
  scratch: string,
  output: Writable,
  key: BackupKey | undefined,
  copied: (name: string, bytes: number) => void,
): Promise<Manifest> {
  return withNats(settings, async (api) => {
    const { namespace } = settings;
    const partitions = await partitionsThere(api, namespace);
    const archive = new ArchiveWriter(output, key);
    const leases = await KvLeases.open(api.connection, { namespace, replicas: settings.natsReplicas ?? 1 });
    try {
      await whileLogIsHeld(leases, async (check) => {
        for (const stream of streamsOf(namespace, partitions)) {
          check();
          // How long it is, is known at its end.
          const spool = join(scratch, randomUUID());
          let head: StreamHead | undefined;
          try {
            await pipeline(
              streamSnapshot(api, stream, (told) => (head = told)),
              createWriteStream(spool),
            );
          } catch (error) {
            if (isMissing(error)) continue;
            throw error;
          }
          const text = Buffer.from(JSON.stringify(head));
          await archive.add(`streams/${stream}.json`, text.length, [text]);
          const { size } = await stat(spool);
          await archive.add(`streams/${stream}.data`, size, createReadStream(spool) as AsyncIterable<Buffer>);
          await rm(spool);
          copied(stream, size);
        }
      });
    } finally {
      await leases.close();
    }
    return archive.finish({ ...facts(settings), mode: 'cluster', partitions });
  });
}

async function restore(terminal: Terminal, options: RestoreOptions): Promise<void> {
  const settings = await settingsFor(terminal, options.config);
  const key = await keyOf(options.keyFile);
  const startedMs = performance.now();
  const place = await backupPlace(options.from, s3SettingsOf(terminal.env), undefined);
  await inScratch(async (scratch) => {
    const path = await place.fetch(scratch);
    const open = () => createReadStream(path);
    const progress = startProgress(terminal, options.check === true ? 'check' : 'restore', 0);
    const isSealed = await isEncrypted(open);
    let manifest: Manifest;
    let aside: string | undefined;
    try {
      // All of it, before anything is touched.
      manifest = await verifyArchive(open, key);
      const wanted = settings.natsUrl === undefined ? 'embedded' : 'cluster';
      if (options.check !== true) {
        if (manifest.mode !== wanted) {
          throw new RequestInvalidError(
            manifest.mode === 'cluster'
              ? 'this backup is of a cluster: set NATS_URL and REDIS_URL of the one to restore it to'
              : 'this backup is of one process: unset NATS_URL and REDIS_URL, and set DATA_DIR',
          );
        }
        if (
          options.yes === true &&
          'isTTY' in terminal.stdin &&
          terminal.stdin.isTTY === true &&
          options.json !== true
        ) {
          await confirm(terminal, `What is there will be replaced by ${place.name}.`);
        }
        const took = (name: string): void => {
          progress.update(0, name);
        };
        if (wanted === 'embedded') aside = await toFolder(settings, open, key, options.yes === true, took);
        else await toCluster(settings, manifest, open, key, options.yes === true, took);
      }
    } finally {
      progress.stop();
    }
    const { mode, createdMs, partitions, parts } = manifest;
    const created = new Date(createdMs).toISOString();
    const tookMs = Math.round(performance.now() - startedMs);
    if (options.json === true) {
      printJson(terminal, {
        place: place.name,
        mode,
        created,
        partitions,
        parts: parts.length,
        restored: options.check !== true,
        into: options.check === true ? undefined : whatIs(settings),
        encrypted: isSealed,
        aside,
        tookMs,
      });
      return;
    }
    const sealed = isSealed ? 'encrypted' : 'NOT encrypted';
    const what = `${place.name}, ${mode}, of ${created}, ${formatCount(parts.length)} parts, ${sealed}`;
    const done = `restored into ${whatIs(settings)}: ${what}, in ${formatDuration(tookMs)}`;
    printLine(terminal, options.check === true ? `whole: ${what}` : done);
    if (options.check === true) return;
    if (aside !== undefined) printLine(terminal, `  what was there before is now ${aside}`);
    printLine(terminal, `  what was acknowledged after ${created} is not in it`);
    printLine(terminal, '  start Redshank; `redshank doctor` says when all is caught up');
  });
}

async function toFolder(
  settings: Settings,
  open: () => ReturnType<typeof createReadStream>,
  key: BackupKey | undefined,
  mayReplace: boolean,
  took: (name: string) => void,
): Promise<string | undefined> {
  const folder = await FolderRestore.begin(settings, mayReplace);
  try {
    await readArchive(open, key, async (name, _, content) => {
      await folder.take(name, content);
      took(name);
    });
    folder.check();
  } catch (error) {
    await folder.giveUp();
    throw error;
  }
  return folder.finish();
}

async function toCluster(
  settings: Settings,
  manifest: Manifest,
  open: () => ReturnType<typeof createReadStream>,
  key: BackupKey | undefined,
  mayReplace: boolean,
  took: (name: string) => void,
): Promise<void> {
  if (manifest.namespace !== settings.namespace) {
    throw new RequestInvalidError(`this backup is of NAMESPACE=${manifest.namespace}, got ${settings.namespace}`);
  }
  await withNats(settings, async (api) => {
    const { namespace, partitions } = manifest;
    const leases = await api.streamInfo(`KV_${namespace}-leases`).catch(() => undefined);
    const isRunning = (leases?.state.messages ?? 0) > 0;
    await prepareStreams(api, namespace, isRunning, streamsOf(namespace, partitions), mayReplace);
    let head: StreamHead | undefined;
    await readArchive(open, key, async (name, _, content) => {
      const stream = name.slice('streams/'.length).replace(/\.(json|data)$/, '');
      if (name.endsWith('.json')) {
        const chunks: Uint8Array[] = [];
        for await (const chunk of content) chunks.push(chunk);
        head = JSON.parse(Buffer.concat(chunks).toString()) as StreamHead;
      } else if (head?.config.name === stream) {
        const most = api.connection.server.cluster === undefined ? 1 : head.config.num_replicas;
        await restoreStream(api, stream, head, settings.natsReplicas ?? most, content);
        took(stream);
      }
    });
    await finishStreams(api, namespace);
  });
}

async function withNats<T>(settings: Settings, work: (api: JetStreamApi) => Promise<T>): Promise<T> {
  // With the permissions of k8s/nats each user has an inbox of its own.
  const { username } = new URL((settings.natsUrl ?? '').split(',')[0]!);
  const inboxPrefix = username === '' ? '_INBOX' : inboxPrefixOf(decodeURIComponent(username));
  const connection = await NatsConnection.connect(settings, { name: 'redshank backup', inboxPrefix });
  try {
    return await work(new JetStreamApi(connection));
  } finally {
    await connection.close();
  }
}

/** @throws NotFoundError there is no cluster. */
async function partitionsThere(api: JetStreamApi, namespace: string): Promise<number> {
  const streams = await api.streams(`${namespace}.readings.>`);
  if (streams.length === 0) throw new NotFoundError(`NATS has no log of NAMESPACE=${namespace}`);
  return streams.length;
}

function facts(settings: Settings): Pick<Manifest, 'program' | 'createdMs' | 'namespace'> {
  return { program: packageVersion(), createdMs: Date.now(), namespace: settings.namespace };
}

async function keyOf(file: string | undefined): Promise<BackupKey | undefined> {
  return file === undefined ? undefined : new BackupKey(await readFile(file, 'utf8'));
}

async function inScratch(work: (scratch: string) => Promise<void>): Promise<void> {
  const scratch = await mkdtemp(join(tmpdir(), 'redshank-backup-'));
  try {
    await work(scratch);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
