/** Answers to pages of other sites (Fetch standard, CORS): those of the origins that the settings name may ask, with a key. */
import type { IncomingMessage, ServerResponse } from 'node:http';

const ALLOWED_METHODS = 'GET, POST, PUT, DELETE';
const ALLOWED_HEADERS =
  'Authorization, Content-Encoding, Content-Type, Idempotency-Key, Last-Event-ID, X-API-Key, X-Request-ID';
const EXPOSED_HEADERS =
  'Idempotency-Replayed, Location, RateLimit, RateLimit-Policy, Retry-After, X-Durability, X-Request-ID';
const MAX_AGE_SEC = 600;

/**
 * Sets what the browser wants to read of the answer.
 *
 * @returns true when the request was the browser's own question before one, and is answered
 */
export function answerCrossOrigin(
  origins: readonly string[],
  request: IncomingMessage,
  response: ServerResponse,
): boolean {
  if (origins.length === 0) return false;
  // Also where the origin is not one of them: a cache must not give one's answer to another.
  response.setHeader('Vary', 'Origin');
  const { origin } = request.headers;
  if (origin === undefined || !origins.includes(origin)) return false;
  response.setHeader('Access-Control-Allow-Origin', origin);
  response.setHeader('Access-Control-Expose-Headers', EXPOSED_HEADERS);
  if (request.method !== 'OPTIONS' || request.headers['access-control-request-method'] === undefined) return false;
  response
    .writeHead(204, {
      'Access-Control-Allow-Methods': ALLOWED_METHODS,
      'Access-Control-Allow-Headers': ALLOWED_HEADERS,
      'Access-Control-Max-Age': MAX_AGE_SEC,
    })
    .end();
  return true;
}
