/** How far the clocks of other nodes are from this one's. Arrival times are stamped by whoever takes a reading. */
import type { ServiceBroker } from 'moleculer';

export interface ClockOffset {
  readonly node: string;
  /** Ms that its clock is ahead of this node's, to within `roundTripMs`; null when it did not answer in time. */
  readonly aheadMs: number | null;
  readonly roundTripMs: number | null;
}

/** What the framework tells of an answered ping. `timeDiff` says how far the other clock is *behind*; both ways count as equal. */
interface Pong {
  readonly elapsedTime: number;
  readonly timeDiff: number;
}

const WAIT_MS = 1_000;

/** One row a node; this node is 0 ms from itself. */
export async function clockOffsets(broker: ServiceBroker, nodes: readonly string[]): Promise<readonly ClockOffset[]> {
  const others = nodes.filter((node) => node !== broker.nodeID);
  const pongs =
    others.length === 0
      ? {}
      : ((await broker.ping(others, WAIT_MS)) as unknown as Readonly<Record<string, Pong | null>>);
  return nodes.map((node) => {
    if (node === broker.nodeID) return { node, aheadMs: 0, roundTripMs: 0 };
    const pong = pongs[node];
    if (pong === undefined || pong === null) return { node, aheadMs: null, roundTripMs: null };
    return { node, aheadMs: -pong.timeDiff, roundTripMs: pong.elapsedTime };
  });
}
