/** Who calls an action, once that has been checked. */
import type { Context } from 'moleculer';
import type { Claims } from '../../models/security/ticket.js';
import { ForbiddenError } from '../../models/errors.js';

export interface Caller extends Claims {
  /** `service`: a process of this cluster. `key`: somebody else, with an API key. */
  readonly kind: 'service' | 'key';
  /** Of a key of the role `device`: patterns of its devices. */
  readonly devices?: readonly string[];
}

/** May speak of every tenant. */
export const ANY_TENANT = '*';
/** What the processes of the cluster are to each other. */
export const SERVICE_ROLE = 'service';

/** A call that began in this process and that nobody from outside stands behind. */
export const OURSELVES: Caller = { kind: 'service', name: 'local', tenant: ANY_TENANT, role: SERVICE_ROLE };

/** Who calls. The tenant of a key, and of a person behind the gateway, is never what the parameters say. */
export function callerOf(context: Context): Caller {
  return (context.locals as { caller?: Caller }).caller ?? OURSELVES;
}

/** Says on whose behalf a context acts: its calls to other nodes carry it. For doors, which check who asks by themselves. */
export function actFor(context: Context, caller: Caller): void {
  (context.locals as { caller?: Caller }).caller = caller;
}

/**
 * Sees that the parameters speak of nobody else: `tenant` must be the caller's own. For a key, `tenant` and `by` (who did it)
 * are filled in.
 *
 * @throws ForbiddenError for the tenant of somebody else.
 */
export function fixIdentity(context: Context, caller: Caller): void {
  const { params } = context as { params: unknown };
  if (caller.tenant === ANY_TENANT || typeof params !== 'object' || params === null) return;
  const { tenant } = params as { tenant?: unknown };
  if (tenant !== undefined && tenant !== caller.tenant) throw new ForbiddenError('this is the data of another tenant');
  if (caller.kind === 'key') context.params = { ...params, tenant: caller.tenant, by: caller.name };
}
