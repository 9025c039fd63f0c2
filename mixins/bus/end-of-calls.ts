/**
 * Ends a call to another node where it begins, once its time is over.
 *
 * The framework's time limit (0.15.2) is further out than its circuit breaker and its list of running calls. Both would wait for an
 * answer that never comes: a node that says nothing was not counted, each such call was kept with its parameters for as long as
 * the process lived, and a stop waited for it until `shutdownTimeout`.
 */
import { Errors, type Middleware } from 'moleculer';
import { wrapAction } from './wrap-action.js';

/** The framework says first, and in the log, that it took too long. */
const AFTER_MS = 20;

/** The innermost of all. */
export function endOfCalls(): Middleware {
  return {
    name: 'EndOfCalls',
    remoteAction: wrapAction((next, { name: action }) => (ctx) => {
      const { timeout } = ctx.options;
      if (typeof timeout !== 'number' || timeout <= 0) return next(ctx);
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          reject(new Errors.RequestTimeoutError({ action: String(action), nodeID: String(ctx.nodeID) }));
        }, timeout + AFTER_MS);
        next(ctx)
          .then(resolve, reject)
          .finally(() => clearTimeout(timer));
      });
    }),
  };
}
