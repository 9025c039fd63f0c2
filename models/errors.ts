/** The stable names of everything that can go wrong. Errors cross the wire, their classes do not: match on `type`. */
export type ErrorType =
  | 'READING_INVALID'
  | 'REQUEST_INVALID'
  | 'SETTING_INVALID'
  | 'UNAUTHENTICATED'
  | 'FORBIDDEN'
  | 'NOT_FOUND'
  | 'MODEL_NOT_FOUND'
  | 'MODEL_INVALID'
  | 'CONFLICT'
  | 'PAYLOAD_TOO_LARGE'
  | 'RATE_LIMITED'
  | 'NOT_OWNER'
  | 'FENCED'
  | 'OVERLOADED'
  | 'MODEL_UNAVAILABLE'
  | 'SCORING_FAILED'
  | 'STORAGE_FAILED'
  | 'STORAGE_CORRUPT';

export interface ErrorDetails {
  /** Facts for a machine; never secrets. */
  readonly data?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

/**
 * Base of every error that Redshank throws on purpose.
 *
 * `code` is HTTP-like: `>= 500` trips circuit breakers. `retryable` says whether the same call may succeed later.
 */
export class RedshankError extends Error {
  readonly type: ErrorType;
  readonly code: number;
  readonly retryable: boolean;
  readonly data: Readonly<Record<string, unknown>>;

  constructor(type: ErrorType, code: number, retryable: boolean, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = new.target.name;
    this.type = type;
    this.code = code;
    this.retryable = retryable;
    this.data = details.data ?? {};
  }
}

/** A reading is refused at the door. Counted and reported with its index. */
export class ReadingInvalidError extends RedshankError {
  constructor(message: string, details?: ErrorDetails) {
    super('READING_INVALID', 422, false, message, details);
  }
}

/** A request that is not a reading (query, command, prediction) cannot be understood. */
export class RequestInvalidError extends RedshankError {
  constructor(message: string, details?: ErrorDetails) {
    super('REQUEST_INVALID', 422, false, message, details);
  }
}

/** Settings cannot be used. Carries every problem found, so that one start shows them all. */
export class SettingInvalidError extends RedshankError {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super('SETTING_INVALID', 500, false, `${problems.length} bad setting(s):\n  - ${problems.join('\n  - ')}`, {
      data: { problems },
    });
    this.problems = problems;
  }
}

/** Who asks is not known: no key, or one that is unknown, expired or revoked. */
export class UnauthenticatedError extends RedshankError {
  constructor(message: string) {
    super('UNAUTHENTICATED', 401, false, message);
  }
}

/** Who asks is known and may not do this. */
export class ForbiddenError extends RedshankError {
  constructor(message: string) {
    super('FORBIDDEN', 403, false, message);
  }
}

/** A device, alert, route or job of that name does not exist. */
export class NotFoundError extends RedshankError {
  constructor(message: string, details?: ErrorDetails) {
    super('NOT_FOUND', 404, false, message, details);
  }
}

/** The registry has no such model, version or alias. */
export class ModelNotFoundError extends RedshankError {
  constructor(message: string, details?: ErrorDetails) {
    super('MODEL_NOT_FOUND', 404, false, message, details);
  }
}

/** A model artifact is refused: it is damaged, too large, of another shape than it says, or has layers that are not known. */
export class ModelInvalidError extends RedshankError {
  constructor(message: string, details?: ErrorDetails) {
    super('MODEL_INVALID', 422, false, message, details);
  }
}

/** The request is sound, but what it asks no longer fits the state (resolve a resolved alert, compare-and-set lost). */
export class ConflictError extends RedshankError {
  constructor(message: string, details?: ErrorDetails) {
    super('CONFLICT', 409, false, message, details);
  }
}

/** A body, before or after inflation, is larger than the limit in `data.limitBytes`. */
export class PayloadTooLargeError extends RedshankError {
  constructor(message: string, details?: ErrorDetails) {
    super('PAYLOAD_TOO_LARGE', 413, false, message, details);
  }
}

/** One client asks too often. `data.retryAfterMs` says how long to wait. */
export class RateLimitedError extends RedshankError {
  constructor(message: string, retryAfterMs: number, details: ErrorDetails = {}) {
    super('RATE_LIMITED', 429, true, message, { ...details, data: { ...details.data, retryAfterMs } });
  }
}

/**
 * Another replica holds this partition: `data.owner` is its node, where that is known. Thrown before anything is done, so that
 * every call may be made again there.
 */
export class NotOwnerError extends RedshankError {
  constructor(message: string, details?: ErrorDetails) {
    super('NOT_OWNER', 503, true, message, details);
  }
}

/** The log moved on without this writer: `expectedLast` was not the last sequence. Look at who wrote, then step down or adopt. */
export class FencedError extends RedshankError {
  constructor(message: string, details?: ErrorDetails) {
    super('FENCED', 409, false, message, details);
  }
}

/** Too much is waiting. `data.retryAfterMs` says how long to wait. */
export class OverloadedError extends RedshankError {
  constructor(message: string, retryAfterMs: number, details: ErrorDetails = {}) {
    super('OVERLOADED', 503, true, message, { ...details, data: { ...details.data, retryAfterMs } });
  }
}

/** A model is loading, or the registry is away. */
export class ModelUnavailableError extends RedshankError {
  constructor(message: string, details?: ErrorDetails) {
    super('MODEL_UNAVAILABLE', 503, true, message, details);
  }
}

/** A bug or a broken model; trips the breaker. */
export class ScoringFailedError extends RedshankError {
  constructor(message: string, details?: ErrorDetails) {
    super('SCORING_FAILED', 500, false, message, details);
  }
}

/** The disk or broker refused: full, not writable, gone. Nothing that was asked has been acknowledged. */
export class StorageFailedError extends RedshankError {
  constructor(message: string, details?: ErrorDetails) {
    super('STORAGE_FAILED', 503, true, message, details);
  }
}

/** Stored bytes are not what was written. They are never read as data. */
export class StorageCorruptError extends RedshankError {
  constructor(message: string, details?: ErrorDetails) {
    super('STORAGE_CORRUPT', 500, false, message, details);
  }
}

type Data = Readonly<Record<string, unknown>>;

/** How each error is made again from what crossed the wire. Codes and `retryable` come from here, not from the sender. */
const RESTORE: Readonly<Record<ErrorType, (message: string, data: Data) => RedshankError>> = {
  READING_INVALID: (message, data) => new ReadingInvalidError(message, { data }),
  REQUEST_INVALID: (message, data) => new RequestInvalidError(message, { data }),
  SETTING_INVALID: (message, data) =>
    new SettingInvalidError(Array.isArray(data['problems']) ? data['problems'].map(String) : [message]),
  UNAUTHENTICATED: (message) => new UnauthenticatedError(message),
  FORBIDDEN: (message) => new ForbiddenError(message),
  NOT_FOUND: (message, data) => new NotFoundError(message, { data }),
  MODEL_NOT_FOUND: (message, data) => new ModelNotFoundError(message, { data }),
  MODEL_INVALID: (message, data) => new ModelInvalidError(message, { data }),
  CONFLICT: (message, data) => new ConflictError(message, { data }),
  PAYLOAD_TOO_LARGE: (message, data) => new PayloadTooLargeError(message, { data }),
  RATE_LIMITED: (message, data) => new RateLimitedError(message, retryAfterMs(data), { data }),
  NOT_OWNER: (message, data) => new NotOwnerError(message, { data }),
  FENCED: (message, data) => new FencedError(message, { data }),
  OVERLOADED: (message, data) => new OverloadedError(message, retryAfterMs(data), { data }),
  MODEL_UNAVAILABLE: (message, data) => new ModelUnavailableError(message, { data }),
  SCORING_FAILED: (message, data) => new ScoringFailedError(message, { data }),
  STORAGE_FAILED: (message, data) => new StorageFailedError(message, { data }),
  STORAGE_CORRUPT: (message, data) => new StorageCorruptError(message, { data }),
};

const DEFAULT_RETRY_AFTER_MS = 1_000;

function retryAfterMs(data: Data): number {
  const given = data['retryAfterMs'];
  return typeof given === 'number' && given >= 0 ? given : DEFAULT_RETRY_AFTER_MS;
}

/**
 * The error that `type`, `message` and `data` of another process stand for, of the same class as there.
 *
 * @returns undefined when no error of ours has this type.
 */
export function restoreError(type: unknown, message: unknown, data: unknown): RedshankError | undefined {
  if (typeof type !== 'string' || !Object.hasOwn(RESTORE, type)) return undefined;
  const isRecord = typeof data === 'object' && data !== null && !Array.isArray(data);
  return RESTORE[type as ErrorType](String(message), isRecord ? (data as Data) : {});
}
