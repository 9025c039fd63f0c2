/**
 * Who belongs to the cluster. Any client of the bus can announce a node that has our services, and would be sent our calls; it can
 * announce that one of our nodes has other services or is gone, or take its name.
 *
 * Members seal what they announce. Of others nothing is believed about members, and no service that bears one of our names.
 */
import { createHash } from 'node:crypto';
import type { Middleware, ServiceBroker } from 'moleculer';
import type { Logger } from 'pino';
import type { Clock } from '../clock.js';
import { RecurringFault } from '../recurring-fault.js';
import type { BusMetrics } from './bus-metrics.js';
import { OURSELVES } from './caller.js';
import type { Seal } from './seal.js';

export interface MembershipOptions {
  readonly seal: Seal;
  /** Names of services that only members have. */
  readonly ownServices: readonly string[];
  readonly clock: Clock;
  readonly metrics: BusMetrics;
  readonly logger: Logger;
}

interface Packet {
  readonly type: string;
  readonly payload?: Record<string, unknown> | null;
}

/** In a packet, the ticket; in the registry's metadata of a node, that its last announcement had a good one. */
const TICKET = 'ticket';
const MEMBER = 'isMember';

export function membership({ seal, ownServices, clock, metrics, logger }: MembershipOptions): Middleware {
  let broker: ServiceBroker | undefined;
  // Most likely one of ours with another `CLUSTER_SECRET`: it would run without a word, and nobody would call it.
  const notOurs = new RecurringFault(
    logger,
    'error',
    'a node that has services of the cluster gets no calls: its CLUSTER_SECRET is another one, or it is a stranger',
    clock.monotonicMs,
  );

  const isKnownMember = (node: unknown): boolean => {
    const known = broker?.registry.nodes.get(String(node)) as { readonly metadata?: object | null } | undefined;
    return MEMBER in (known?.metadata ?? {});
  };

  /** @returns whether the framework may see the packet. */
  function admit(type: string, payload: Record<string, unknown>): boolean {
    const { sender, [TICKET]: ticket } = payload;
    if (sender === broker?.nodeID) {
      // Our own, or of somebody who takes our name: at that the framework would end the process.
      return type !== 'INFO' || payload['instanceID'] === broker?.instanceID;
    }
    if (typeof seal.open(ticket, useOf(type, payload, String(sender))) !== 'string') {
      if (type === 'INFO') payload['metadata'] = { ...(payload['metadata'] as object | null), [MEMBER]: true };
      return true;
    }
    if (isKnownMember(sender)) return false;
    if (type === 'INFO') {
      payload['metadata'] = {};
      const services = Array.isArray(payload['services']) ? (payload['services'] as unknown[]) : [];
      const others = services.filter((service) => !isOurs(service));
      if (others.length < services.length) notOurs.happened(undefined, { node: sender });
      payload['services'] = others;
    }
    return true;
  }

  /** Also by its actions: the framework calls them by the names that they are announced under. */
  function isOurs(service: unknown): boolean {
    const { name, actions } = (service ?? {}) as { readonly name?: unknown; readonly actions?: unknown };
    const named = Object.values(actions ?? {}).map((action) => (action as { name?: unknown } | null)?.name);
    return [name, ...named].some((word) => ownServices.includes(String(word).split('.')[0]!));
  }

  return {
    name: 'Membership',
    created: (owner) => (broker = owner),
    transitPublish: ((next: (packet: Packet) => unknown) => (packet: Packet) => {
      const { type, payload } = packet;
      if (isAnnouncement(type) && payload != null) {
        payload[TICKET] = seal.close(OURSELVES, useOf(type, payload, broker?.nodeID ?? ''));
      }
      return next(packet);
    }) as unknown as NonNullable<Middleware['transitPublish']>,
    transitMessageHandler: ((next: (type: string, packet: Packet) => unknown) => (type: string, packet: Packet) => {
      const { payload } = packet;
      if (isAnnouncement(type) && payload != null && !admit(type, payload)) {
        metrics.refusedCalls.inc({ reason: 'node' });
        logger.error(
          { node: payload['sender'], type },
          'somebody else announced what only this node of the cluster may',
        );
        return Promise.resolve(false);
      }
      return next(type, packet);
    }) as unknown as NonNullable<Middleware['transitMessageHandler']>,
  };
}

function isAnnouncement(type: string): boolean {
  return type === 'INFO' || type === 'DISCONNECT';
}

/** Good for this content of this node alone. JSON of what was JSON is the same text. */
function useOf(type: string, { instanceID, seq, services }: Readonly<Record<string, unknown>>, node: string) {
  const content = createHash('sha256').update(JSON.stringify([instanceID, seq, services]));
  return { action: `packet:${type}:${content.digest('base64url')}`, node };
}
