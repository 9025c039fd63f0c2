/** Starts a member of a test's cluster that is not quite as `redshank start` makes them. */
import { readFile } from 'node:fs/promises';
import pino from 'pino';
import { loadSettings } from '../../models/settings.js';
import { startNode, type StartOptions } from '../../services/start-node.js';

export async function startMember(options: StartOptions): Promise<void> {
  const path = process.env['CONFIG_FILE']!;
  const settings = loadSettings({ env: process.env, file: { path, text: await readFile(path, 'utf8') } });
  const stopping = new AbortController();
  process.once('SIGTERM', () => stopping.abort());
  const node = await startNode(settings, pino({ level: settings.logLevel }), options);
  const stop = (): void => {
    node.stop().then(
      () => process.exit(0),
      (error: unknown) => {
        console.error(error);
        process.exit(1);
      },
    );
  };
  if (stopping.signal.aborted) stop();
  else stopping.signal.addEventListener('abort', stop);
}
