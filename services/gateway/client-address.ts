import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';

/**
 * The address that asks. Each proxy appends the address that it was asked from to `X-Forwarded-For`; so of that list only as many
 * entries can be believed, from its end, as there are proxies of one's own.
 *
 * @param trustedProxies how many there are
 */
export function clientAddress(request: IncomingMessage, trustedProxies: number): string {
  const direct = request.socket.remoteAddress ?? 'unknown';
  if (trustedProxies === 0) return direct;
  const header = request.headers['x-forwarded-for'];
  const told = (Array.isArray(header) ? header.join(',') : (header ?? '')).split(',').map((part) => part.trim());
  const address = told.at(-trustedProxies) ?? '';
  return isIP(address) === 0 ? direct : address;
}
