import type { RunningNode } from '../services/start-node.js';
import { stopWithin } from './terminal/stop-within.js';

/**
 * Starts a node, unless `signal` comes first: then what has started is stopped, within the limit of every stop, also where the
 * start never ends.
 *
 * @returns undefined when it was stopped. @throws whatever the start throws.
 */
export async function startUnlessStopped(
  start: () => Promise<RunningNode>,
  signal: AbortSignal,
): Promise<RunningNode | undefined> {
  if (signal.aborted) return undefined;
  const starting = start();
  const stopped = new Promise<undefined>((resolve) => {
    signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
  const node = await Promise.race([starting, stopped]);
  if (node === undefined) {
    await stopWithin(async () => {
      const late = await starting.catch(unlessAborted);
      await late?.stop();
    });
  }
  return node;
}

/** A start that was waiting for others has stopped by itself. */
function unlessAborted(error: unknown): undefined {
  if (!(error instanceof Error && error.name === 'AbortError')) throw error;
}
