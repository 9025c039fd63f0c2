/**
 * WebSockets (RFC 6455) beside the routes of HTTP: who may open one, how many there are, and whether the other side still lives.
 */
import type { IncomingMessage, Server } from 'node:http';
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
  /** @throws RequestInvalidError for a query that cannot be; before the socket is opened. */
  readonly check?: (query: URLSearchParams) => void;
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
    server.on('upgrade', (request, socket, head) => {
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
    route.check?.(queryOf(request));
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
