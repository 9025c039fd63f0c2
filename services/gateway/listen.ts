import { createServer, type Server } from 'node:http';
import { Server as HttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
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
      reject(new SettingInvalidError([bindProblem(error, host, port, setting)]));
    };
    server.once('error', onError);
    server.listen(port, host, () => {
      server.off('error', onError);
      resolve();
    });
  });
}

/**
 * Tries ports and gives them back. 0 is any, and always free.
 *
 * @throws SettingInvalidError naming all that cannot be bound.
 */
export async function requireBindable(
  host: string,
  wanted: readonly { readonly setting: string; readonly port: number }[],
): Promise<void> {
  const problems: string[] = [];
  for (const { setting, port } of wanted) {
    if (port === 0) continue;
    const server = createServer();
    try {
      await listen(server, host, port, setting);
    } catch (error) {
      if (!(error instanceof SettingInvalidError)) throw error;
      problems.push(...error.problems);
    }
    await new Promise<void>((resolve) => void server.close(() => resolve()));
  }
  if (problems.length > 0) throw new SettingInvalidError(problems);
}

/** Why an address cannot be listened on, naming the setting that has to change. @param setting that of the port. */
export function bindProblem(error: NodeJS.ErrnoException, host: string, port: number, setting: string): string {
  switch (error.code) {
    case 'EADDRINUSE':
      return `${setting}: ${host}:${port} is already in use; choose another port, or 0`;
    case 'EACCES':
      return `${setting}: this user may not listen on port ${port}: ports below 1024 need root; choose another port, or 0`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `HOST: ${host} is not a name that this machine can resolve; give one of its addresses, or 0.0.0.0 for all`;
    case 'EADDRNOTAVAIL':
    case 'EINVAL':
      return `HOST: ${host} is not an address of this machine; give one of its addresses, or 0.0.0.0 for all`;
    default:
      return `HOST and ${setting}: cannot listen on ${host}:${port}: ${error.message}`;
  }
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

/** Of a server that listens. */
export function urlOf(server: Server): string {
  const { address, port, family } = server.address() as AddressInfo;
  const scheme = server instanceof HttpsServer ? 'https' : 'http';
  return `${scheme}://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}
