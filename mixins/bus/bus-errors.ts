/**
 * Errors across the wire. The framework sends an error as plain fields, stack included, and makes an `Error` without a class of
 * it. Here both sides see the same error of our family, and what is not of the family says nothing about the inside.
 */
import { Errors, type Middleware } from 'moleculer';
import type { Logger } from 'pino';
import { NotOwnerError, RedshankError, restoreError } from '../../models/errors.js';
import { BusContext } from './bus-context.js';
import { wrapAction } from './wrap-action.js';

/** Longest `data` that travels, in characters of JSON. Facts for a machine are short. */
const MOST_DATA_CHARS = 16_384;
/** What callers elsewhere are told of a fault that nobody threw on purpose. */
const INTERNAL = {
  name: 'Error',
  message: 'this failed for a reason that only the log of the node that did it knows',
  code: 500,
  type: 'INTERNAL',
  retryable: false,
};

type PlainError = Errors.PlainMoleculerError;

/** For the broker option `errorRegenerator`. */
export class BusErrors extends Errors.Regenerator {
  /** What is sent. No stack, no node id, and of a fault that nobody threw on purpose not even the message: it may hold anything. */
  override extractPlainError(error: Record<string, unknown>): PlainError {
    // Made by `restore`: it came from a node behind this one.
    const isRelayed = typeof error['nodeID'] === 'string';
    return asPlain({ ...(isOnPurpose(error) ? factsOf(error) : INTERNAL), ...(isRelayed && { isRelayed }) });
  }

  override restore(plain: PlainError, payload: Record<string, unknown>): Error {
    // What the other side sent is not trusted to be an error at all.
    const given = Object(plain) as Partial<PlainError> & { readonly isRelayed?: unknown };
    const ours = restoreError(given.type, given.message, given.data);
    const error = ours ?? super.restore(asPlain({ ...given, stack: undefined }), payload);
    // The framework makes new words from `data`, in which the node is missing.
    if (ours === undefined) error.message = String(given.message);
    // For the circuit breaker, which counts only faults of the very node it called. No document and no log line has it.
    const node = given.isRelayed === true ? SOMEWHERE_ELSE : payload['sender'];
    Object.defineProperty(error, 'nodeID', { value: node, writable: true, enumerable: false });
    return error;
  }
}

const SOMEWHERE_ELSE = 'somewhere else';

/** The framework calls the plain fields by the name of the class. */
function asPlain(fields: unknown): PlainError {
  return fields as PlainError;
}

function factsOf(error: RedshankError | Errors.MoleculerError): object {
  const { name, code, type, retryable } = error;
  const data: unknown = error.data;
  return { name, message: withoutNodeName(error), code, type, retryable, data: withoutNode(data) };
}

function isOnPurpose(error: unknown): error is RedshankError | Errors.MoleculerError {
  return error instanceof RedshankError || error instanceof Errors.MoleculerError;
}

/** The framework's words name the node: `… is not available on 'host-17' node.` */
function withoutNodeName({ message, data }: { readonly message: string; readonly data?: unknown }): string {
  const { nodeID } = (data ?? {}) as { readonly nodeID?: unknown };
  return typeof nodeID === 'string' ? message.replaceAll(`'${nodeID}' node`, 'a node') : message;
}

function withoutNode(data: unknown): unknown {
  try {
    // For `undefined` there is no text, whatever the types say.
    const text: unknown = JSON.stringify(data, (key, value: unknown) => (key === 'nodeID' ? undefined : value));
    if (typeof text === 'string' && text.length <= MOST_DATA_CHARS) return JSON.parse(text);
  } catch {
    // It has a circle or a bigint, and cannot be sent at all.
  }
  return undefined;
}

/**
 * The one place where errors of actions leave for other nodes: tells the log what their callers are not told.
 *
 * Adds to NOT_OWNER who refused: a caller may follow it only when the action that it called did nothing at all.
 */
export function errorBoundary(logger: Logger): Middleware {
  return {
    name: 'ErrorBoundary',
    localAction: wrapAction((next, definition) => async (context) => {
      try {
        return await next(context);
      } catch (error) {
        if (error instanceof NotOwnerError && error.data['refusedBy'] === undefined) {
          throw new NotOwnerError(error.message, { data: { ...error.data, refusedBy: definition.name }, cause: error });
        }
        // Local callers have the error itself.
        const isFromAfar = !(context instanceof BusContext && context.isLocal);
        if (!isOnPurpose(error) && isFromAfar) {
          logger.error({ err: error, action: definition.name, requestId: context.requestID }, 'an action failed');
        }
        throw error;
      }
    }),
  };
}

/** Refusals by design: a full or moving system would be taken for a broken one. */
const BY_DESIGN: ReadonlySet<unknown> = new Set(['OVERLOADED', 'NOT_OWNER', 'MODEL_UNAVAILABLE', 'QUEUE_FULL']);

/**
 * For the option `circuitBreaker.check`: whether `error` counts against the node that was called.
 *
 * Timeouts do, though they are retryable: a node that does not answer is what the breaker is for. So does an error without a
 * numeric code, which the framework's own check passes over: nobody threw it on purpose.
 */
export function countsAgainstNode(error: unknown): boolean {
  const { code, type } = error as { readonly code?: unknown; readonly type?: unknown };
  if (BY_DESIGN.has(type)) return false;
  return typeof code !== 'number' || code >= 500;
}
