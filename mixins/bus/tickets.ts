/**
 * The guard of the bus: calls and events of other processes must carry a credential.
 *
 * - A process of the cluster seals a ticket into the headers of each call (`models/security/ticket.ts`). Not into `meta`, which
 *   the framework copies into every further call and back to the caller, so that a stranger would be handed our tickets.
 * - Anybody else sends `meta.apiKey`, an API key as for HTTP, and may call public actions for the tenant of the key.
 * - Calls inside one process need none.
 */
import { Errors, type Context, type Middleware, type ServiceBroker } from 'moleculer';
import type { Logger } from 'pino';
import { ForbiddenError, UnauthenticatedError } from '../../models/errors.js';
import { isAllowed, type Permission } from '../../models/security/permissions.js';
import type { Clock } from '../clock.js';
import { RecurringFault } from '../recurring-fault.js';
import { policyOf } from './action-policy.js';
import { BusContext } from './bus-context.js';
import type { BusMetrics } from './bus-metrics.js';
import { actFor, callerOf, fixIdentity, OURSELVES, type Caller } from './caller.js';
import type { Seal } from './seal.js';
import { wrapAction } from './wrap-action.js';

/** Header with the ticket. */
const TICKET = 'ticket';

export interface TicketOptions {
  readonly seal: Seal;
  /** Whose API key this is; undefined: nobody's. */
  readonly findKey: (key: string) => Promise<Omit<Caller, 'kind'> | undefined>;
  /** Time limit of calls that come without one, in ms: `timeout`, like all else, is what the sender likes. */
  readonly defaultTimeoutMs: number;
  readonly clock: Clock;
  readonly metrics: BusMetrics;
  readonly logger: Logger;
}

/** Of a node's name, which its owner may choose. */
const NAME_SHOWN = 100;

export function tickets({ seal, findKey, defaultTimeoutMs, clock, metrics, logger }: TicketOptions): Middleware {
  let ourNode = '';
  /** By reason: one that comes all day must not hide another. */
  const refusals = new Map<string, RecurringFault>();

  async function identify(context: Context, action: string, publicFor: Permission | undefined): Promise<Caller> {
    const { [TICKET]: ticket, ...headers } = context.headers as Record<string, unknown>;
    const { apiKey, ...meta } = context.meta as Record<string, unknown>;
    // `meta` goes on into further calls and back with the answer; credentials stay here.
    context.headers = headers;
    context.meta = meta;
    if (ticket !== undefined) {
      const claims = seal.open(ticket, { action, node: ourNode });
      if (typeof claims === 'string')
        throw refused(context, claims, new UnauthenticatedError(`this ticket is ${claims}`));
      const { name, tenant, role } = claims;
      return { kind: 'service', name, tenant, role };
    }
    if (apiKey === undefined) {
      throw refused(
        context,
        'none',
        new UnauthenticatedError('send an API key in meta.apiKey, or a ticket of this cluster'),
      );
    }
    const owner = typeof apiKey === 'string' ? await findKey(apiKey) : undefined;
    if (owner === undefined) throw refused(context, 'key', new UnauthenticatedError('this key is not known'));
    if (publicFor === undefined)
      throw refused(context, 'private', new ForbiddenError('this action is not for other services'));
    if (!isAllowed(owner.role, owner.tenant, publicFor)) {
      throw refused(
        context,
        'role',
        new ForbiddenError(`this action is for keys that may ${publicFor}, not for a ${owner.role}`),
      );
    }
    return { kind: 'key', ...owner };
  }

  /** Counts and tells of a refusal, and gives back what the caller is told. */
  function refused(context: Context, reason: string, error: Error): Error {
    metrics.refusedCalls.inc({ reason });
    let fault = refusals.get(reason);
    if (fault === undefined) {
      fault = new RecurringFault(logger, 'warn', 'a call was refused', clock.monotonicMs);
      refusals.set(reason, fault);
    }
    fault.happened(error, { reason, action: context.action?.name, node: context.nodeID?.slice(0, NAME_SHOWN) });
    return error;
  }

  function checkIdentity(context: Context, caller: Caller): void {
    try {
      fixIdentity(context, caller);
    } catch (error) {
      throw refused(context, 'tenant', error as Error);
    }
  }

  const emitting = (next: ServiceBroker['emit']) => (event: string, payload: unknown, given?: unknown) => {
    const options =
      Array.isArray(given) || typeof given === 'string' ? { groups: given } : (given as object | undefined);
    const headers = { [TICKET]: seal.close(OURSELVES, eventUse(event)) };
    return next(event, payload, { ...options, headers });
  };

  return {
    name: 'Tickets',
    created(broker) {
      // With the framework's own contexts nothing would tell our calls from those of others.
      if ((broker.ContextFactory as unknown) !== BusContext) {
        throw new Errors.BrokerOptionsError('ContextFactory must be BusContext', {});
      }
      ourNode = broker.nodeID;
    },
    remoteAction: wrapAction((next, definition) => (context) => {
      const { parentCtx } = context.options;
      const use = { action: definition.name ?? '', node: context.nodeID ?? '' };
      const ticket = seal.close(parentCtx == null ? OURSELVES : callerOf(parentCtx), use);
      // A fresh object: the options of a call may be shared by many.
      context.headers = { ...context.headers, [TICKET]: ticket };
      return next(context);
    }),
    localAction: wrapAction((next, definition) => {
      const { publicFor } = policyOf(definition);
      return async (context) => {
        if (context instanceof BusContext && context.isLocal) {
          const { parentCtx } = context.options;
          if (parentCtx != null) actFor(context, callerOf(parentCtx));
        } else {
          const caller = await identify(context, definition.name ?? '', publicFor);
          checkIdentity(context, caller);
          actFor(context, caller);
        }
        return next(context);
      };
    }),
    emit: emitting as unknown as NonNullable<Middleware['emit']>,
    broadcast: emitting as unknown as NonNullable<Middleware['broadcast']>,
    localEvent: (next) =>
      function (this: unknown, context) {
        const isLocal = context instanceof BusContext && context.isLocal;
        const { [TICKET]: ticket } = context.headers as Record<string, unknown>;
        if (!isLocal && typeof seal.open(ticket, eventUse(context.eventName ?? '')) === 'string') {
          metrics.refusedEvents.inc();
          return Promise.resolve();
        }
        return next.call(this as never, context);
      },
    transitMessageHandler: ((next: (type: string, packet: Packet) => unknown) => (type: string, packet: Packet) => {
      if ((type === 'REQ' || type === 'EVENT') && packet.payload != null) tame(packet.payload, defaultTimeoutMs);
      return next(type, packet);
    }) as unknown as NonNullable<Middleware['transitMessageHandler']>,
  };
}

interface Packet {
  readonly payload?: Record<string, unknown> | null;
}

/** Events go to all nodes. */
const eventUse = (event: string) => ({ action: `event:${event}`, node: '' });

/** Longest time limit that a caller elsewhere may ask for, in ms. */
const LONGEST_MS = 3_600_000;

/** Gives what came over the wire the shape that the framework takes for granted. */
function tame(payload: Record<string, unknown>, defaultTimeoutMs: number): void {
  const { timeout } = payload;
  // Without one, or with 0, the framework waits for ever.
  if (!(typeof timeout === 'number' && timeout > 0 && timeout <= LONGEST_MS)) payload['timeout'] = defaultTimeoutMs;
  // Nothing of ours is streamed, and half a stream is kept for ever.
  delete payload['stream'];
  for (const part of ['meta', 'headers']) {
    if (typeof payload[part] !== 'object' || payload[part] === null) payload[part] = {};
  }
}
