/**
 * Readings over a WebSocket (RFC 6455), for devices that keep a connection. Each message is what the body of `POST /v1/readings` is, and
 * may carry an `id`; each is answered by one message, in order, with the same promise.
 */
import type { IncomingMessage } from 'node:http';
import type { RawData, WebSocket } from 'ws';
import type { Principal } from '../security/api-keys.js';
import type { Answer } from './idempotency.js';
import { toProblem } from './problem.js';
import type { TakingExchange } from './reading-intake.js';
import type { Door } from './route.js';
import { authenticateSocket, NO_HEADERS, type SocketRoute } from './sockets.js';

export const SOCKET_PATH = '/v1/readings/socket';
const MOST_SOCKETS = 5_000;
/** A device sends what it has measured of late; who has more takes `POST`. */
export const MAX_SOCKET_MESSAGE_BYTES = 1_048_576;
/** Messages of one socket that wait for their turn; then it is read no further. */
const MOST_WAITING = 4;
/** Bytes of all messages that wait; who sends beyond is told to come back. */
const MOST_HELD_BYTES = 67_108_864;
/** Who does not read its answers for so long is gone. */
const SENT_WITHIN_MS = 30_000;
/** Codes of RFC 6455, 7.4: policy violation, try again later. */
const REFUSED = 1008;
const TRY_AGAIN_LATER = 1013;

export interface ReadingSocketOptions {
  readonly door: () => Door;
  readonly maxMessageBytes: number;
  readonly take: (exchange: TakingExchange, body: Buffer) => Promise<Answer>;
  /** Told how many are open. */
  readonly counted: (sockets: number) => void;
}

export function readingSocket(options: ReadingSocketOptions): SocketRoute {
  const readings = new ReadingSocket(options);
  return {
    path: SOCKET_PATH,
    may: 'write',
    maxMessageBytes: options.maxMessageBytes,
    mostSockets: MOST_SOCKETS,
    counted: options.counted,
    serve: (socket, request) => readings.serve(socket, request),
  };
}

class ReadingSocket {
  readonly #options: ReadingSocketOptions;
  #heldBytes = 0;

  constructor(options: ReadingSocketOptions) {
    this.#options = options;
  }

  serve(socket: WebSocket, request: IncomingMessage): void {
    let waiting = 0;
    let turn: Promise<void> = Promise.resolve();
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
    const say = (answer: object): Promise<void> =>
      sent(socket, JSON.stringify({ ...(id !== undefined && { id }), ...answer }));
    let principal: Principal;
    try {
      // Each time: a key may have been taken back, or have expired.
      principal = await authenticateSocket(this.#options.door(), request, 'write');
    } catch (error) {
      await say({ error: toProblem(error, undefined).body });
      socket.close(REFUSED, 'this key is not good any more');
      return;
    }
    const { appends, rateLimit } = this.#options.door();
    let told: object;
    try {
      const { status, body: answer } = await this.#options.take(
        {
          principal,
          append: (batch) => appends.add(principal.tenant, batch),
          takeReadings: (readings) => rateLimit.takeReadings(principal, NO_HEADERS, readings),
        },
        body,
      );
      told = status === 202 ? (answer as object) : { error: answer };
    } catch (error) {
      const { body: problem, headers } = toProblem(error, undefined);
      const retryAfterSec = headers['Retry-After'];
      told = { error: { ...problem, ...(retryAfterSec !== undefined && { retryAfterSec: Number(retryAfterSec) }) } };
    }
    await say(told);
  }
}

/** Resolves when the other side takes the answer: until then the next message waits, so that answers do not pile up. @throws when it does not */
function sent(socket: WebSocket, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error('the answer was not read in time')), SENT_WITHIN_MS);
    socket.send(text, (error) => {
      clearTimeout(late);
      // Of a stream, that all is well comes as null.
      if (error instanceof Error) reject(error);
      else resolve();
    });
  });
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
