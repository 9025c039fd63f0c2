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

/** Takes no new connection, lets running answers end for `graceMs`, then cuts what is left. */
export function close(server: Server, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => server.closeAllConnections(), graceMs);
    server.close(() => {
      clearTimeout(timer);
      resolve();
    });
    server.closeIdleConnections();
  });
}
