import type { Server } from 'node:http';
import { SettingInvalidError } from '../../models/errors.js';

/**
 * Binds a server.
 *
 * @param setting name of the setting that holds the port, for the message.
 * @throws SettingInvalidError when the address cannot be bound: taken, not ours, not allowed.
 */
export function listen(server: Server, host: string, port: number, setting: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException): void => {
      const why = error.code === 'EADDRINUSE' ? `${host}:${port} is already in use` : error.message;
      reject(new SettingInvalidError([`${setting}: ${why}; choose another port, or 0`]));
    };
    server.once('error', onError);
    server.listen(port, host, () => {
      server.off('error', onError);
      resolve();
    });
  });
}

/** How often a server that stops looks whether its last answer has ended, in ms. */
const LOOK_EVERY_MS = 20;

/**
 * Takes no new connection, lets running answers end, then closes what is left: after `graceMs` at the latest.
 *
 * @param isIdle whether no answer is running. Node's own `closeIdleConnections` spares connections that have been opened in
 *   advance and never used, as browsers do.
 */
export function close(server: Server, graceMs: number, isIdle: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const cut = setTimeout(() => server.closeAllConnections(), graceMs);
    const look = setInterval(() => {
      if (isIdle()) server.closeAllConnections();
    }, LOOK_EVERY_MS);
    server.close(() => {
      clearTimeout(cut);
      clearInterval(look);
      resolve();
    });
  });
}
