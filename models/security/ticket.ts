/**
 * Tickets: how one process of the cluster shows another that a call is its own.
 *
 * Any client of the bus can call any action with any metadata. A ticket says who calls, for whom, and when; it is sealed with
 * the secret of the cluster together with the action and the node that it is for, so that a copy is good for nothing else.
 *
 * `1.<claims>.<mac>`: claims are a JSON list in base64url, the mac is HMAC-SHA-256 (RFC 2104) in base64url.
 */
import { createHmac, timingSafeEqual, type KeyObject } from 'node:crypto';

/** Who calls. */
export interface Claims {
  /** The service that calls, or the person it calls for. */
  readonly name: string;
  /** The only tenant that the call may speak of; `*`: the service speaks for all of them. */
  readonly tenant: string;
  readonly role: string;
}

export interface Ticket extends Claims {
  /** Unix s, by the clock of the caller. */
  readonly issuedSec: number;
  /** Makes every ticket different. */
  readonly nonce: string;
}

/** What a ticket is good for. */
export interface TicketUse {
  /** The action, or `event:` and the name of the event. */
  readonly action: string;
  /** Node that is called; empty for events, which go to all. */
  readonly node: string;
}

export type TicketFault = 'malformed' | 'forged' | 'expired';

export const TICKET_LIFETIME_SEC = 60;
/** How far the clocks of two machines may be apart. */
export const CLOCK_SKEW_SEC = 30;

const VERSION = '1';
const FORM = /^1\.([A-Za-z0-9_-]{1,1024})\.([A-Za-z0-9_-]{43})$/;

/** @param secret at least 32 bytes; see `services/security/cluster-secret.ts`. */
export function signTicket(ticket: Ticket, use: TicketUse, secret: KeyObject): string {
  const { name, tenant, role, issuedSec, nonce } = ticket;
  const claims = Buffer.from(JSON.stringify([name, tenant, role, issuedSec, nonce])).toString('base64url');
  return `${VERSION}.${claims}.${mac(claims, use, secret)}`;
}

/** @returns the ticket, or why it is none for this use at this time. */
export function verifyTicket(text: unknown, use: TicketUse, secret: KeyObject, nowSec: number): Ticket | TicketFault {
  const [, claims, sealed] = (typeof text === 'string' ? FORM.exec(text) : undefined) ?? [];
  if (claims === undefined || sealed === undefined) return 'malformed';
  if (!timingSafeEqual(Buffer.from(sealed), Buffer.from(mac(claims, use, secret)))) return 'forged';
  // Sealed by a holder of the secret: what is inside is what `signTicket` of this version has written.
  const content = JSON.parse(Buffer.from(claims, 'base64url').toString()) as [string, string, string, number, string];
  const [name, tenant, role, issuedSec, nonce] = content;
  const ageSec = nowSec - issuedSec;
  if (!(ageSec <= TICKET_LIFETIME_SEC + CLOCK_SKEW_SEC && ageSec >= -CLOCK_SKEW_SEC)) return 'expired';
  return { name, tenant, role, issuedSec, nonce };
}

/** The parts are a JSON list and base64url, so that no two different uses give the same text. */
function mac(claims: string, { action, node }: TicketUse, secret: KeyObject): string {
  return createHmac('sha256', secret)
    .update(`redshank-ticket\0${VERSION}\0${JSON.stringify([action, node])}\0${claims}`)
    .digest('base64url');
}
