import { setMaxListeners } from 'node:events';

/**
 * An AbortController for which many wait at once, one a partition: Node takes more than ten listeners for a leak and says so on stderr,
 * between the lines of the log.
 */
export function widelyHeard(): AbortController {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  return controller;
}
