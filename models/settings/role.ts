/** What a process is to the others: the service that it runs, or `node` when it runs several. */
import type { ServiceName, Settings } from './settings.js';

export type Role = ServiceName | 'node';

/** Begins the name of the process on the bus, and is the name of its user at NATS. */
export function roleOf({ services }: Pick<Settings, 'services'>): Role {
  return services.length === 1 ? services[0]! : 'node';
}

/** Begins the subjects on which NATS answers a process of this role: no other user may hear them (`k8s/nats/permissions.ts`). */
export function inboxPrefixOf(user: string): string {
  return `_INBOX_${user}`;
}
