/**
 * WebSockets (RFC 6455) beside the routes of HTTP: who may open one, how many there are, and whether the other side still lives.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { Server as HttpsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type WebSocket } from 'ws';
import { isAllowed, type Permission } from '../../models/security/permissions.js';
import type { Principal } from '../security/api-keys.js';
import { HttpProblemError, toProblem } from './problem.js';
import type { Door } from './route.js';

/** Said by the client, who may add its key: a browser can send no header of its own. */
const PROTOCOL = 'redshank.v1';
const HEARTBEAT_MS = 30_000;
/** Code of RFC 6455, 7.4. */
const GOING_AWAY = 1001;

export interface SocketRoute {
  readonly path: string;
  readonly may: Permission;
  /** Of a message that the client sends. */
  readonly maxMessageBytes: number;
  readonly mostSockets: number;
  /** Before the socket is opened. @throws RequestInvalidError for a query that cannot be @throws OverloadedError there is no room */
  readonly check?: (query: URLSearchParams, principal: Principal) => void;
  readonly serve: (socket: WebSocket, request: IncomingMessage, principal: Principal) => void;
  /** Told how many are open. */
  readonly counted?: (sockets: number) => void;
}

export class Sockets {
  readonly #door: () => Door;
  readonly #routes = new Map<string, { readonly route: SocketRoute; readonly server: WebSocketServer }>();
  readonly #heartbeat: NodeJS.Timeout;
  readonly #silent = new WeakSet<WebSocket>();

  constructor(door: () => Door, routes: readonly SocketRoute[]) {
    this.#door = door;
    for (const route of routes) {
      const server = new WebSocketServer({
        noServer: true,
        maxPayload: route.maxMessageBytes,
        handleProtocols: (offered) => (offered.has(PROTOCOL) ? PROTOCOL : false),
      });
      this.#routes.set(route.path, { route, server });
    }
    this.#heartbeat = setInterval(() => this.#beat(), HEARTBEAT_MS).unref();
  }

  attach(server: Server): void {
    server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
      if (request.headers.upgrade?.toLowerCase() !== 'websocket') {
        readOnAsOffered(server, request, socket, head);
        return;
      }
      this.#upgrade(request, socket, head).catch((error: unknown) => refuse(socket, error));
    });
  }

  /** Tells all to go to another gateway. */
  close(): void {
    clearInterval(this.#heartbeat);
    for (const { server } of this.#routes.values()) {
      for (const socket of server.clients) socket.close(GOING_AWAY, 'this gateway stops');
    }
  }

  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on('error', () => socket.destroy());
    const found = this.#routes.get(request.url?.split('?')[0] ?? '');
    if (found === undefined) throw new HttpProblemError(404, 'Not found', 'there is no such route');
    const { route, server } = found;
    if (server.clients.size >= route.mostSockets) {
      const detail = `at most ${route.mostSockets} sockets`;
      throw new HttpProblemError(503, 'Too much is waiting', detail, { 'Retry-After': '5' });
    }
    takeKeyOfProtocol(request);
    const principal = await authenticateSocket(this.#door(), request, route.may);
    await this.#door().rateLimit.takeRequest(principal, NO_HEADERS);
    route.check?.(queryOf(request), principal);
    server.handleUpgrade(request, socket, head, (webSocket) => {
      route.counted?.(server.clients.size);
      webSocket.on('close', () => route.counted?.(server.clients.size));
      webSocket.on('error', () => webSocket.terminate());
      webSocket.on('pong', () => this.#silent.delete(webSocket));
      route.serve(webSocket, request, principal);
    });
  }

  #beat(): void {
    for (const { server } of this.#routes.values()) {
      for (const socket of server.clients) {
        // Nothing is read of it just now, its answer neither.
        if (socket.isPaused) continue;
        if (this.#silent.has(socket)) socket.terminate();
        else {
          this.#silent.add(socket);
          socket.ping();
        }
      }
    }
  }
}

/** Answers over a socket have no headers. */
export const NO_HEADERS = { setHeader: () => undefined } as unknown as ServerResponse;

/** False: the key was taken back, has expired, or may this no more. While that cannot be found out, it may. */
export async function stillMay(
  door: Pick<Door, 'authenticate'>,
  request: IncomingMessage,
  may: Permission,
): Promise<boolean> {
  try {
    await authenticateSocket(door, request, may);
    return true;
  } catch (error) {
    const { status } = toProblem(error, undefined);
    return status !== 401 && status !== 403;
  }
}

/** @throws UnauthenticatedError, HttpProblemError */
export async function authenticateSocket(
  { authenticate }: Pick<Door, 'authenticate'>,
  request: IncomingMessage,
  may: Permission,
): Promise<Principal> {
  const principal = await authenticate(request);
  if (isAllowed(principal.role, principal.tenant, may)) return principal;
  throw new HttpProblemError(
    403,
    'Not allowed',
    `this needs a key that may ${may}; this one is of a ${principal.role}`,
  );
}

export function queryOf(request: IncomingMessage): URLSearchParams {
  return new URLSearchParams(request.url?.split('?')[1] ?? '');
}

/** `Sec-WebSocket-Protocol: redshank.v1, rsk_…`: the second is the key. */
function takeKeyOfProtocol(request: IncomingMessage): void {
  const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
  const key = offered.find((name) => name !== PROTOCOL && name !== '');
  if (key === undefined || request.headers.authorization !== undefined) return;
  request.headers.authorization = `Bearer ${key}`;
  request.headers['sec-websocket-protocol'] = PROTOCOL;
}

const OFFERS = new Set(['upgrade', 'http2-settings']);

/**
 * A client may offer to speak another protocol (`Upgrade: h2c`, as Java and `curl --http2` do); a server that does not want to reads on as
 * if it had not (RFC 9110, 7.8). Node has stopped reading by then, so the connection begins anew with the request without its offer.
 */
function readOnAsOffered(server: Server, request: IncomingMessage, socket: Socket, head: Buffer): void {
  const { method, url, httpVersion, rawHeaders } = request;
  let text = `${method} ${url} HTTP/${httpVersion}\r\n`;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!.toLowerCase();
    if (OFFERS.has(name)) continue;
    let value = rawHeaders[i + 1]!;
    if (name === 'connection') {
      value = value
        .split(',')
        .filter((one) => !OFFERS.has(one.trim().toLowerCase()))
        .join(',');
      if (value.trim() === '') continue;
    }
    text += `${rawHeaders[i]}: ${value}\r\n`;
  }
  socket.unshift(Buffer.concat([Buffer.from(`${text}\r\n`, 'latin1'), head]));
  server.emit(server instanceof HttpsServer ? 'secureConnection' : 'connection', socket);
}

function refuse(socket: Duplex, error: unknown): void {
  const { status, body, headers } = toProblem(error, undefined);
  const text = JSON.stringify(body);
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(
    `HTTP/1.1 ${status} ${String(body['title'])}\r\nContent-Type: application/problem+json\r\n` +
      `Content-Length: ${Buffer.byteLength(text)}\r\n${lines.join('')}Connection: close\r\n\r\n${text}`,
    () => socket.destroy(),
  );
}
