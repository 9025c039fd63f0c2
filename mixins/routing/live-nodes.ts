/** Which nodes of the cluster run a service, as this node sees it. */
import type { ServiceBroker } from 'moleculer';

/** Heartbeats are sent this often … */
export const HEARTBEAT_SEC = 2;
/**
 * … and a node that has missed two is not counted on. Well under the TTL of a lease, so that who takes over from a dead owner is
 * agreed on when its leases end. The framework itself looks only once per timeout and drops a dead node after up to two.
 */
export const SILENT_AFTER_SEC = 6;

/**
 * Names of the nodes that run `service` and were heard of lately. This node is among them while it runs the service.
 *
 * @param nowSec `process.uptime()`, in which the framework notes heartbeats.
 */
export function liveNodes(broker: ServiceBroker, service: string, nowSec = process.uptime()): string[] {
  const names: string[] = [];
  for (const node of broker.registry.nodes.toArray()) {
    if (!node.available || !node.services.some((one) => one['name'] === service)) continue;
    // Undefined until the first heartbeat.
    const heardSec = node.lastHeartbeatTime as number | null | undefined;
    if (node.local || heardSec === null || heardSec === undefined || nowSec - heardSec <= SILENT_AFTER_SEC) {
      names.push(node.id);
    }
  }
  return names;
}
