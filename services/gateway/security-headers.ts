import type { ServerResponse } from 'node:http';

/** Half a year. */
const HTTPS_ONLY = 'max-age=15768000';

/** What every answer tells browsers: it is data, nobody frames it, nobody guesses its type, nobody keeps it. */
export function setSecurityHeaders(response: ServerResponse, isTls: boolean): void {
  response.setHeader('X-Content-Type-Options', 'nosniff');
  response.setHeader('Cache-Control', 'no-store');
  response.setHeader('Content-Security-Policy', "default-src 'none'; frame-ancestors 'none'");
  response.setHeader('Cross-Origin-Opener-Policy', 'same-origin');
  response.setHeader('Referrer-Policy', 'no-referrer');
  if (isTls) response.setHeader('Strict-Transport-Security', HTTPS_ONLY);
}
