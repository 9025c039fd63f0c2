/** How answers leave: JSON, problems, and the careful end of a request whose body nobody wants. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ClientGoneError } from './body.js';
import type { Problem } from './problem.js';

/** How long the rest of an unwanted body is read and thrown away, in ms, so that the client gets to see the answer. */
const LINGER_MS = 1_000;

export type Headers = Readonly<Record<string, string | number>>;

export function sendJson(response: ServerResponse, status: number, body: unknown, headers: Headers = {}): void {
  send(response, status, 'application/json; charset=utf-8', JSON.stringify(body), headers);
}

/** Text after text, as fast as the client reads. The head has been written. @throws ClientGoneError */
export async function sendStream(
  response: ServerResponse,
  text: Iterable<string> | AsyncIterable<string>,
): Promise<void> {
  try {
    await pipeline(Readable.from(text, { objectMode: false }), response);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_STREAM_PREMATURE_CLOSE') throw new ClientGoneError();
    throw error;
  }
}

/** Answers with a problem, unless an answer has begun: then the connection is cut, so that half an answer is not taken for whole. */
export function sendProblem(request: IncomingMessage, response: ServerResponse, problem: Problem): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const text = JSON.stringify(problem.body);
  if (request.complete || request.readableEnded) {
    send(response, problem.status, 'application/problem+json', text, problem.headers);
    return;
  }
  // Closing now would reset the connection while the client still writes, and it would never read the answer.
  response.writeHead(problem.status, {
    'Content-Type': 'application/problem+json',
    'Content-Length': Buffer.byteLength(text),
    ...problem.headers,
    Connection: 'close',
  });
  response.write(request.method === 'HEAD' ? '' : text);
  const finish = (): void => {
    clearTimeout(timer);
    response.end();
  };
  const timer = setTimeout(finish, LINGER_MS);
  request.once('end', finish).once('close', finish).resume();
}

export function send(
  response: ServerResponse,
  status: number,
  contentType: string,
  body: string | Uint8Array,
  headers: Headers = {},
): void {
  response.writeHead(status, { 'Content-Type': contentType, 'Content-Length': Buffer.byteLength(body), ...headers });
  response.end(body);
}
