/**
 * The boundary between errors and HTTP: what went wrong becomes an RFC 9457 problem.
 *
 * Errors that crossed the bus have lost their class, so everything is matched on `type`. What is not known here is answered as
 * 500 without a word about its inside; the log has the rest.
 */
import type { ErrorType } from '../../models/errors.js';

export interface Problem {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Members of the problem document. */
  readonly body: Readonly<Record<string, unknown>> & { readonly status: number };
}

interface Rule {
  readonly status: number;
  readonly title: string;
  /** Seconds to wait, for answers that may be better later; `data.retryAfterMs` of the error goes before it. */
  readonly retryAfterSec?: number;
  /** False: the message speaks of our inside; `detail` below is shown in its place. */
  readonly detail?: string;
}

const RULES: Readonly<Record<ErrorType, Rule>> = {
  READING_INVALID: { status: 422, title: 'Reading refused' },
  REQUEST_INVALID: { status: 422, title: 'Request cannot be understood' },
  SETTING_INVALID: { status: 422, title: 'Bad setting' },
  UNAUTHENTICATED: { status: 401, title: 'Who are you?' },
  FORBIDDEN: { status: 403, title: 'Not allowed' },
  NOT_FOUND: { status: 404, title: 'Not found' },
  MODEL_INVALID: { status: 422, title: 'The model is refused' },
  MODEL_NOT_FOUND: { status: 404, title: 'No such model' },
  CONFLICT: { status: 409, title: 'Does not fit the present state' },
  PAYLOAD_TOO_LARGE: { status: 413, title: 'Body too large' },
  RATE_LIMITED: { status: 429, title: 'Too many requests', retryAfterSec: 60 },
  NOT_OWNER: { status: 503, title: 'Moving to another replica', retryAfterSec: 1, detail: 'try again in a second' },
  FENCED: { status: 503, title: 'Moving to another replica', retryAfterSec: 1, detail: 'try again in a second' },
  OVERLOADED: { status: 503, title: 'Too much is waiting', retryAfterSec: 1 },
  MODEL_UNAVAILABLE: { status: 503, title: 'Model is not ready', retryAfterSec: 2 },
  SCORING_FAILED: { status: 500, title: 'Scoring failed', detail: 'scoring failed; the log of the server says why' },
  STORAGE_FAILED: {
    status: 503,
    title: 'Storage failed',
    retryAfterSec: 5,
    detail:
      'the storage does not answer or has no room, so nothing of this request was kept; /ready and the log of the server say which',
  },
  STORAGE_CORRUPT: {
    status: 500,
    title: 'Stored data is damaged',
    detail: 'stored bytes are not what was written; the log of the server says which',
  },
};

/** Errors of the framework and of Node that a client can cause or should know. */
const FOREIGN_RULES: Readonly<Record<string, Rule>> = {
  SERVICE_NOT_FOUND: away(),
  SERVICE_NOT_AVAILABLE: away(),
  REQUEST_REJECTED: away(),
  QUEUE_FULL: away(),
  REQUEST_TIMEOUT: {
    status: 504,
    title: 'No answer in time',
    retryAfterSec: 1,
    detail: 'the part that answers this took too long',
  },
  UNABLE_DECODE_PARAM: {
    status: 400,
    title: 'Malformed request',
    detail: 'the path holds a percent sign that is not followed by two hex digits of UTF-8',
  },
};

function away(): Rule {
  return {
    status: 503,
    title: 'Not available',
    retryAfterSec: 2,
    detail: 'the part that answers this is not running now',
  };
}

const INTERNAL: Rule = {
  status: 500,
  title: 'Internal error',
  detail: 'this is our fault; the log of the server says why',
};

/** An answer that is wrong only in the words of HTTP: status and title come from here, not from an error of the domain. */
export class HttpProblemError extends Error {
  readonly status: number;
  readonly title: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly members: Readonly<Record<string, unknown>>;

  constructor(
    status: number,
    title: string,
    detail: string,
    headers: Readonly<Record<string, string>> = {},
    members: Readonly<Record<string, unknown>> = {},
  ) {
    super(detail);
    this.name = 'HttpProblemError';
    this.status = status;
    this.title = title;
    this.headers = headers;
    this.members = members;
  }
}

/** What the client is told about `error`. Never a stack, node id or action name. */
export function toProblem(error: unknown, instance: string | undefined): Problem {
  if (error instanceof HttpProblemError) {
    const type = error.title.toLowerCase().replaceAll(/[^a-z]+/g, '-');
    return problem(type, error.status, error.title, error.message, instance, error.headers, error.members);
  }
  const { type, message, data } = error as { type?: unknown; message?: unknown; data?: unknown };
  const name = typeof type === 'string' ? type : '';
  const isOurs = Object.hasOwn(RULES, name);
  const rule = isOurs ? RULES[name as ErrorType] : Object.hasOwn(FOREIGN_RULES, name) ? FOREIGN_RULES[name]! : INTERNAL;
  const facts = typeof data === 'object' && data !== null ? (data as Record<string, unknown>) : {};

  const headers: Record<string, string> = {};
  const retryAfterMs = isOurs && typeof facts['retryAfterMs'] === 'number' ? facts['retryAfterMs'] : undefined;
  const retryAfterSec = retryAfterMs === undefined ? rule.retryAfterSec : Math.ceil(retryAfterMs / 1000);
  if (retryAfterSec !== undefined) headers['Retry-After'] = String(retryAfterSec);
  if (rule.status === 401) headers['WWW-Authenticate'] = 'Bearer realm="redshank"';
  const detail = rule.detail ?? (typeof message === 'string' ? message : rule.title);
  const slug = isOurs || rule !== INTERNAL ? name.toLowerCase().replaceAll('_', '-') : 'internal';
  return problem(slug, rule.status, rule.title, detail, instance, headers, {});
}

function problem(
  slug: string,
  status: number,
  title: string,
  detail: string,
  instance: string | undefined,
  headers: Readonly<Record<string, string>>,
  members: Readonly<Record<string, unknown>>,
): Problem {
  const body = {
    type: `urn:redshank:problem:${slug}`,
    title,
    status,
    detail,
    ...(instance && { instance }),
    ...members,
  };
  return { status, headers, body };
}
