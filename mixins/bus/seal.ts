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

/** Makes and checks tickets with the secret of the cluster, by the clock of this process. */
export interface Seal {
  close(caller: Caller, use: TicketUse): string;
  open(ticket: unknown, use: TicketUse): Ticket | TicketFault;
}

/** @param process name of this process in the tickets that it makes for itself. */
export function createSeal(secretBytes: Uint8Array, process: string, clock: Clock): Seal {
  const secret = createSecretKey(secretBytes);
  const nowSec = () => Math.floor(clock.wallMs() / 1_000);
  return {
    close(caller, use) {
      const { name, tenant, role } = caller;
      const ticket = { tenant, role, issuedSec: nowSec(), nonce: randomBytes(NONCE_BYTES).toString('base64url') };
      return signTicket({ name: caller === OURSELVES ? process : name, ...ticket }, use, secret);
    },
    open: (ticket, use) => verifyTicket(ticket, use, secret, nowSec()),
  };
}
