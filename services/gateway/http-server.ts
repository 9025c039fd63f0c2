/** The HTTP server with its limits, and its answers to what is not even HTTP. */
import { randomUUID } from 'node:crypto';
import { createServer, STATUS_CODES, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { Duplex } from 'node:stream';
import type { BodyReader } from './body.js';
import type { Certificate } from './tls-files.js';

const MAX_HEADER_BYTES = 16_384;
const MAX_HEADERS = 100;
const HEADERS_TIMEOUT_MS = 10_000;
const CHECK_CONNECTIONS_MS = 1_000;
const MAX_CONNECTIONS = 10_000;
/** A connection on which nothing moves, while an answer is made or its reader stands still, is cut after this. */
const STALLED_MS = 60_000;
const REQUEST_ID = /^[A-Za-z0-9._-]{1,64}$/;
/** `GET http://host/path`, as proxies write it (RFC 9112, 3.2.2). */
const ABSOLUTE_FORM = /^https?:\/\/([^/?#]+)([^#]*)/i;

/** Faults of the parser, by code; everything else is 400. */
const PARSER_FAULTS: Readonly<Record<string, readonly [status: number, detail: string]>> = {
  HPE_HEADER_OVERFLOW: [431, `headers must have at most ${MAX_HEADER_BYTES} bytes`],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'the request did not arrive in time'],
};

/**
 * @param requestTimeoutMs longest time that a request may take to arrive whole.
 * @param handle is given every request, with a request id that is safe to log.
 * @param certificate given: HTTPS
 */
export function createHttpServer(
  requestTimeoutMs: number,
  bodies: BodyReader,
  handle: (request: IncomingMessage, response: ServerResponse) => void,
  certificate?: Certificate,
): Server {
  const limits = {
    maxHeaderSize: MAX_HEADER_BYTES,
    headersTimeout: Math.min(HEADERS_TIMEOUT_MS, requestTimeoutMs),
    requestTimeout: requestTimeoutMs,
    connectionsCheckingInterval: CHECK_CONNECTIONS_MS,
  };
  const server =
    certificate === undefined
      ? createServer(limits)
      : createHttpsServer({ ...limits, ...certificate, minVersion: 'TLSv1.2', ALPNProtocols: ['http/1.1'] });
  // One more, to see that there are more: Node leaves out what is beyond, and says nothing.
  server.maxHeadersCount = MAX_HEADERS + 1;
  server.maxConnections = MAX_CONNECTIONS;
  server.timeout = Math.max(STALLED_MS, 2 * requestTimeoutMs);
  const accept = (request: IncomingMessage, response: ServerResponse): void => {
    if (request.rawHeaders.length > 2 * MAX_HEADERS) {
      answerMalformed(request.socket, 431, `a request must have at most ${MAX_HEADERS} headers`);
      return;
    }
    nameRequest(request);
    takeOriginForm(request);
    handle(request, response);
  };
  server.on('request', accept);
  server.on('checkContinue', (request, response) => {
    // A body that is too large by its own word is refused before it is sent.
    if (!bodies.isDeclaredTooLarge(request)) response.writeContinue();
    accept(request, response);
  });
  server.on('clientError', answerClientError);
  return server;
}

/** An absolute target is its path, and its host takes the place of the header, so that whatever checks `Host` checks what was meant. */
function takeOriginForm(request: IncomingMessage): void {
  const [, host, path = ''] = ABSOLUTE_FORM.exec(request.url ?? '') ?? [];
  if (host === undefined) return;
  request.headers.host = host;
  request.url = path.startsWith('/') ? path : `/${path}`;
}

/** Keeps the client's request id where it is plain text, else makes one. */
function nameRequest(request: IncomingMessage): void {
  const given = request.headers['x-request-id'];
  delete request.headers['x-correlation-id'];
  request.headers['x-request-id'] = typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
}

function answerClientError(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, detail] = PARSER_FAULTS[error.code ?? ''] ?? [400, 'this is not an HTTP/1.1 request'];
  answerMalformed(socket, status, detail);
}

function answerMalformed(socket: Duplex, status: number, detail: string): void {
  const title = STATUS_CODES[status] ?? 'Bad Request';
  const body = JSON.stringify({ type: 'urn:redshank:problem:malformed-request', title, status, detail });
  socket.end(
    `HTTP/1.1 ${status} ${title}\r\nContent-Type: application/problem+json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
    () => socket.destroy(),
  );
}
