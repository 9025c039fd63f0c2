import { createSecretKey, randomBytes } from 'node:crypto';
import {
  signTicket,
  verifyTicket,
  type Ticket,
  type TicketFault,
  type TicketUse,
} from '../../models/security/ticket.js';
import type { Clock } from '../clock.js';
import { OURSELVES, type Caller } from './caller.js';

const NONCE_BYTES = 9;

/** Tickets of one second that are remembered, of each kind. */
const MOST_REMEMBERED = 1_000;

/**
 * Makes and checks tickets with the secret of the cluster, by the clock of this process.
 *
 * Within one second the same caller gets the same ticket for the same use: sealing costs more than all else that a process does for a
 * call. That gives nothing away, since whoever sees a ticket could show it again for as long as it lasts. In the same way one that
 * was good is good again within its second.
 */
export interface Seal {
  close(caller: Caller, use: TicketUse): string;
  open(ticket: unknown, use: TicketUse): Ticket | TicketFault;
}

/** @param process name of this process in the tickets that it makes for itself. */
export function createSeal(secretBytes: Uint8Array, process: string, clock: Clock): Seal {
  const secret = createSecretKey(secretBytes);
  const nowSec = () => Math.floor(clock.wallMs() / 1_000);
  const closed = new OfOneSecond<string>();
  const opened = new OfOneSecond<Ticket>();
  return {
    close(caller, use) {
      const { tenant, role } = caller;
      const name = caller === OURSELVES ? process : caller.name;
      const issuedSec = nowSec();
      const key = keyOf([name, tenant, role], use);
      const known = closed.get(key, issuedSec);
      if (known !== undefined) return known;
      const nonce = randomBytes(NONCE_BYTES).toString('base64url');
      const ticket = signTicket({ name, tenant, role, issuedSec, nonce }, use, secret);
      closed.set(key, ticket);
      return ticket;
    },
    open(ticket, use) {
      const sec = nowSec();
      const key = typeof ticket === 'string' ? keyOf([ticket], use) : undefined;
      const known = key === undefined ? undefined : opened.get(key, sec);
      if (known !== undefined) return known;
      const found = verifyTicket(ticket, use, secret, sec);
      if (typeof found !== 'string' && key !== undefined) opened.set(key, found);
      return found;
    },
  };
}

/** What was made within the present second; all of it is forgotten with the next, or when it is too much. */
class OfOneSecond<Value> {
  readonly #values = new Map<string, Value>();
  #sec = NaN;

  get(key: string, sec: number): Value | undefined {
    if (sec !== this.#sec || this.#values.size >= MOST_REMEMBERED) {
      this.#values.clear();
      this.#sec = sec;
    }
    return this.#values.get(key);
  }

  /** After `get`, in the same second. */
  set(key: string, value: Value): void {
    this.#values.set(key, value);
  }
}

/** No two different lists give the same text: none of the parts holds NUL. */
function keyOf(parts: readonly string[], { action, node }: TicketUse): string {
  return `${parts.join('\0')}\0${action}\0${node}`;
}
