import type { ActionSchema, Context, Middleware } from 'moleculer';

/** A handler as middlewares see it: bound to its service, and always answering with a promise. */
export type Handle = (context: Context) => Promise<unknown>;
type Hook = NonNullable<Middleware['localAction']>;

/** A hook for `localAction` or `remoteAction`, in types that say what really passes through. */
export function wrapAction(wrap: (next: Handle, definition: ActionSchema) => Handle): Hook {
  return (next, definition) => wrap(next, definition);
}
