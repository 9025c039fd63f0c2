/**
 * Readings over a WebSocket (RFC 6455), for devices that keep a connection. Each message is what the body of `POST /v1/readings` is, and
 * may carry an `id`; each is answered by one message, in order, with the same promise.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocket, WebSocketServer, type RawData } from 'ws';
import { isAllowed } from '../../models/security/permissions.js';
import type { Principal } from '../security/api-keys.js';
import type { Answer } from './idempotency.js';
import { HttpProblemError, toProblem } from './problem.js';
import type { TakingExchange } from './reading-intake.js';
import type { Door } from './route.js';

export const SOCKET_PATH = '/v1/readings/socket';
/** Said by the client, who may add its key: a browser can send no header of its own. */
const PROTOCOL = 'redshank.v1';

const MOST_SOCKETS = 5_000;
/** A device sends what it has measured of late; who has more takes `POST`. */
export const MAX_SOCKET_MESSAGE_BYTES = 1_048_576;
/** Messages of one socket that wait for their turn; then it is read no further. */
const MOST_WAITING = 4;
/** Bytes of all messages that wait; who sends beyond is told to come back. */
const MOST_HELD_BYTES = 67_108_864;
const HEARTBEAT_MS = 30_000;
/** Codes of RFC 6455, 7.4: policy violation, going away. */
const REFUSED = 1008;
const GOING_AWAY = 1001;
const TRY_AGAIN_LATER = 1013;

export interface ReadingSocketOptions {
  readonly door: () => Door;
  readonly maxMessageBytes: number;
  readonly take: (exchange: TakingExchange, body: Buffer) => Promise<Answer>;
  /** Told how many are open. */
  readonly counted: (sockets: number) => void;
}

export class ReadingSockets {
  readonly #options: ReadingSocketOptions;
  readonly #server: WebSocketServer;
  readonly #heartbeat: NodeJS.Timeout;
  readonly #silent = new WeakSet<WebSocket>();
  #heldBytes = 0;

  constructor(options: ReadingSocketOptions) {
    this.#options = options;
    this.#server = new WebSocketServer({
      noServer: true,
      maxPayload: options.maxMessageBytes,
      handleProtocols: (offered) => (offered.has(PROTOCOL) ? PROTOCOL : false),
    });
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
    for (const socket of this.#server.clients) socket.close(GOING_AWAY, 'this gateway stops');
  }

  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on('error', () => socket.destroy());
    if (request.url?.split('?')[0] !== SOCKET_PATH)
      throw new HttpProblemError(404, 'Not found', 'there is no such route');
    if (this.#server.clients.size >= MOST_SOCKETS) {
      throw new HttpProblemError(503, 'Too much is waiting', `at most ${MOST_SOCKETS} sockets`, { 'Retry-After': '5' });
    }
    takeKeyOfProtocol(request);
    await this.#authenticate(request);
    this.#server.handleUpgrade(request, socket, head, (webSocket) => this.#serve(webSocket, request));
  }

  /** @throws UnauthenticatedError, HttpProblemError */
  async #authenticate(request: IncomingMessage): Promise<Principal> {
    const principal = await this.#options.door().authenticate(request);
    if (isAllowed(principal.role, principal.tenant, 'write')) return principal;
    throw new HttpProblemError(
      403,
      'Not allowed',
      `this needs a key that may write; this one is of a ${principal.role}`,
    );
  }

  #serve(socket: WebSocket, request: IncomingMessage): void {
    const { counted } = this.#options;
    counted(this.#server.clients.size);
    let waiting = 0;
    let turn: Promise<void> = Promise.resolve();
    socket.on('close', () => counted(this.#server.clients.size));
    socket.on('error', () => socket.terminate());
    socket.on('pong', () => this.#silent.delete(socket));
    socket.on('message', (data: RawData) => {
      const message = data as Buffer;
      if (this.#heldBytes + message.length > MOST_HELD_BYTES) {
        socket.close(TRY_AGAIN_LATER, 'too much waits');
        return;
      }
      this.#heldBytes += message.length;
      if (++waiting === MOST_WAITING) socket.pause();
      turn = turn
        .then(() => this.#answer(socket, request, message))
        // What went wrong has been said; this is a socket that cannot be written to.
        .catch(() => socket.terminate())
        .finally(() => {
          this.#heldBytes -= message.length;
          if (waiting-- === MOST_WAITING) socket.resume();
        });
    });
  }

  async #answer(socket: WebSocket, request: IncomingMessage, data: Buffer): Promise<void> {
    const { id, body } = withoutId(data);
    const say = (answer: object): void => socket.send(JSON.stringify({ ...(id !== undefined && { id }), ...answer }));
    let principal: Principal;
    try {
      // Each time: a key may have been taken back, or have expired.
      principal = await this.#authenticate(request);
    } catch (error) {
      say({ error: toProblem(error, undefined).body });
      socket.close(REFUSED, 'this key is not good any more');
      return;
    }
    const { appends, rateLimit } = this.#options.door();
    try {
      const { status, body: answer } = await this.#options.take(
        {
          principal,
          append: (batch) => appends.add(principal.tenant, batch),
          takeReadings: (readings) => rateLimit.takeReadings(principal, NO_HEADERS, readings),
        },
        body,
      );
      say(status === 202 ? (answer as object) : { error: answer });
    } catch (error) {
      const { body: problem, headers } = toProblem(error, undefined);
      const retryAfterSec = headers['Retry-After'];
      say({ error: { ...problem, ...(retryAfterSec !== undefined && { retryAfterSec: Number(retryAfterSec) }) } });
    }
  }

  #beat(): void {
    for (const socket of this.#server.clients) {
      if (this.#silent.has(socket)) socket.terminate();
      else {
        this.#silent.add(socket);
        socket.ping();
      }
    }
  }
}

/** Answers over a socket have no headers. */
const NO_HEADERS = { setHeader: () => undefined } as unknown as ServerResponse;

/** `Sec-WebSocket-Protocol: redshank.v1, rsk_…`: the second is the key. */
function takeKeyOfProtocol(request: IncomingMessage): void {
  const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
  const key = offered.find((name) => name !== PROTOCOL && name !== '');
  if (key === undefined || request.headers.authorization !== undefined) return;
  request.headers.authorization = `Bearer ${key}`;
  request.headers['sec-websocket-protocol'] = PROTOCOL;
}

/** A message's `id` is for the client alone; the rest is a body as for `POST /v1/readings`. */
function withoutId(data: Buffer): { readonly id: unknown; readonly body: Buffer } {
  // Looked for first: most have none, and need not be read twice.
  if (!data.includes('"id"')) return { id: undefined, body: data };
  try {
    const { id, ...rest } = JSON.parse(data.toString()) as { id?: unknown };
    return id === undefined ? { id, body: data } : { id, body: Buffer.from(JSON.stringify(rest)) };
  } catch {
    return { id: undefined, body: data };
  }
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
