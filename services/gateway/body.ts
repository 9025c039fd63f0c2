/** Reads request bodies: bounded before and after inflation, one by one and all together. */
import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { gunzip, inflate } from 'node:zlib';
import { OverloadedError, PayloadTooLargeError } from '../../models/errors.js';
import { HttpProblemError } from './problem.js';

export interface BodyLimits {
  /** Largest body as sent, in bytes. */
  readonly maxBodyBytes: number;
  /** Largest body after inflation, in bytes. */
  readonly maxInflatedBytes: number;
}

const gunzipBytes = promisify(gunzip);
const inflateBytes = promisify(inflate);
const RETRY_AFTER_MS = 1_000;

/** How many bodies of the largest size may be in memory at once. */
const FULL_BODIES = 4;

/** The client went away while it sent. There is nobody left to answer. */
export class ClientGoneError extends Error {
  constructor() {
    super('the client closed the connection before its request was complete');
    this.name = 'ClientGoneError';
  }
}

export class BodyReader {
  readonly #limits: BodyLimits;
  readonly #maxHeldBytes: number;
  #heldBytes = 0;

  constructor(limits: BodyLimits) {
    this.#limits = limits;
    this.#maxHeldBytes = FULL_BODIES * Math.max(limits.maxBodyBytes, limits.maxInflatedBytes);
  }

  /** Whether the request says itself that it is too large; so no byte of it needs to be read. */
  isDeclaredTooLarge(request: IncomingMessage): boolean {
    return Number(request.headers['content-length'] ?? 0) > this.#limits.maxBodyBytes;
  }

  /**
   * The body as it was before compression. Its bytes are counted as held until `use` is done.
   *
   * @throws PayloadTooLargeError beyond a limit. @throws HttpProblemError 400 for damaged compression, 415 for unknown one.
   * @throws OverloadedError when too many bodies are in memory. @throws ClientGoneError
   */
  read<T>(request: IncomingMessage, use: (body: Buffer) => T | Promise<T>): Promise<T> {
    return this.#read(request, use, inflaterFor);
  }

  /** The body as it was sent, whatever `Content-Encoding` says. @throws as `read` */
  readRaw<T>(request: IncomingMessage, use: (body: Buffer) => T | Promise<T>): Promise<T> {
    return this.#read(request, use, () => undefined);
  }

  async #read<T>(
    request: IncomingMessage,
    use: (body: Buffer) => T | Promise<T>,
    chooseInflater: typeof inflaterFor,
  ): Promise<T> {
    if (this.isDeclaredTooLarge(request)) throw this.#tooLarge();
    const inflater = chooseInflater(request);
    let held = 0;
    const hold = (bytes: number): void => {
      if (this.#heldBytes + bytes > this.#maxHeldBytes) {
        throw new OverloadedError('too many large requests at once', RETRY_AFTER_MS);
      }
      this.#heldBytes += bytes;
      held += bytes;
    };
    try {
      const sent = await this.#collect(request, hold);
      if (inflater === undefined) return await use(sent);
      const body = await this.#inflate(inflater, sent);
      hold(body.length);
      return await use(body);
    } finally {
      this.#heldBytes -= held;
    }
  }

  #collect(request: IncomingMessage, hold: (bytes: number) => void): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      const settle = (act: () => void): void => {
        request.off('data', onData).off('end', onEnd).off('close', onClose).off('error', onClose);
        act();
      };
      const fail = (error: Error): void => {
        request.pause();
        settle(() => reject(error));
      };
      const onData = (chunk: Buffer): void => {
        bytes += chunk.length;
        if (bytes > this.#limits.maxBodyBytes) {
          fail(this.#tooLarge());
          return;
        }
        try {
          hold(chunk.length);
        } catch (error) {
          fail(error as Error);
          return;
        }
        chunks.push(chunk);
      };
      const onEnd = (): void => settle(() => resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)));
      const onClose = (): void => settle(() => reject(new ClientGoneError()));
      request.on('data', onData).on('end', onEnd).on('close', onClose).on('error', onClose);
    });
  }

  async #inflate(inflater: typeof gunzipBytes, sent: Buffer): Promise<Buffer> {
    try {
      return await inflater(sent, { maxOutputLength: this.#limits.maxInflatedBytes });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
        const limitBytes = this.#limits.maxInflatedBytes;
        throw new PayloadTooLargeError(`the body must inflate to at most ${limitBytes} bytes, got more`, {
          data: { limitBytes },
        });
      }
      throw new HttpProblemError(400, 'Malformed body', 'the body is not what Content-Encoding says, or is cut short');
    }
  }

  #tooLarge(): PayloadTooLargeError {
    const limitBytes = this.#limits.maxBodyBytes;
    return new PayloadTooLargeError(`the body must have at most ${limitBytes} bytes, got more`, {
      data: { limitBytes },
    });
  }
}

function inflaterFor(request: IncomingMessage): typeof gunzipBytes | undefined {
  const encoding = (request.headers['content-encoding'] ?? 'identity').trim().toLowerCase();
  switch (encoding) {
    case 'identity':
    case '':
      return undefined;
    case 'gzip':
    case 'x-gzip':
      return gunzipBytes;
    case 'deflate':
      return inflateBytes;
    default:
      throw new HttpProblemError(415, 'Unsupported encoding', 'Content-Encoding must be gzip, deflate or identity', {
        'Accept-Encoding': 'gzip, deflate, identity',
      });
  }
}

/**
 * The media type of a body, in lower case and without parameters.
 *
 * @throws HttpProblemError 415 when it is none of `accepted`, or its charset is not UTF-8.
 */
export function requireMediaType<T extends string>(request: IncomingMessage, accepted: readonly T[]): T {
  const [type = '', ...parameters] = (request.headers['content-type'] ?? '').toLowerCase().split(';');
  const known = accepted.find((candidate) => candidate === type.trim());
  const charset = parameters.map((parameter) => parameter.trim()).find((parameter) => parameter.startsWith('charset='));
  if (known === undefined || (charset !== undefined && !/^charset="?utf-?8"?$/.test(charset))) {
    throw new HttpProblemError(
      415,
      'Unsupported media type',
      `Content-Type must be ${accepted.join(' or ')}, in UTF-8`,
      {
        'Accept-Post': accepted.join(', '),
      },
    );
  }
  return known;
}
