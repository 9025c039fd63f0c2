/**
 * Which replica of a stage should own which partition. Every replica computes it for itself, from the same two lists, and all
 * come to the same answer.
 *
 * A holder that is alive keeps what it has: moving a partition costs its readings a pause. Only what nobody alive holds is given
 * away, and a replica that has at least two more than another one gives the difference up. So a replica that joins N others gets
 * its share, floor(P / (N + 1)) partitions, and nothing else moves; one that leaves gives away what it had, and nothing else
 * moves. Plain rendezvous hashing was measured beside it: with 32 partitions on 9 replicas it moves up to 2.5 times the ideal
 * and loads the busiest replica with up to 2.8 times the mean (`docs/decisions/0005-sticky-placement.md`).
 *
 * Ties are broken by rendezvous weight (Thaler & Ravishankar, "Using name-based mappings to increase hit rates", IEEE/ACM
 * Transactions on Networking 6(1), 1998), which also says where a partition most likely is while its holder is not known.
 */
import { crc32c } from '@node-rs/crc32';

/** How much `member` wants `partition`: a number in [0, 1) that every node computes alike. */
export function rendezvousWeight(member: string, partition: number): number {
  const mixed = Math.imul(crc32c(`${member} ${partition}`), 0x9e3779b1) >>> 0;
  // The product's high bits choose; folding once more breaks crc32c's linearity between neighbouring partitions.
  return (Math.imul(mixed ^ (mixed >>> 15), 0x85ebca6b) >>> 0) / 0x1_0000_0000;
}

/** The member that wants `partition` most; undefined when there is none. */
export function rendezvous(members: readonly string[], partition: number): string | undefined {
  let best: string | undefined;
  let bestWeight = -1;
  for (const member of members) {
    const weight = rendezvousWeight(member, partition);
    if (weight > bestWeight || (weight === bestWeight && member < best!)) {
      best = member;
      bestWeight = weight;
    }
  }
  return best;
}

/**
 * @param partitions how many there are.
 * @param members names of the replicas that are alive, in any order.
 * @param holders partition → who holds it now. Holders that are not alive count as none.
 * @returns partition → who should hold it. Empty when there is no member.
 */
export function place(
  partitions: number,
  members: readonly string[],
  holders: ReadonlyMap<number, string>,
): readonly string[] {
  if (members.length === 0) return [];
  const names = [...new Set(members)].sort();
  const loads = new Map(names.map((name) => [name, 0]));
  const owners: (string | undefined)[] = Array.from({ length: partitions }, (_, partition) => {
    const holder = holders.get(partition);
    return holder !== undefined && loads.has(holder) ? holder : undefined;
  });
  for (const owner of owners) if (owner !== undefined) loads.set(owner, loads.get(owner)! + 1);

  for (let partition = 0; partition < partitions; partition++) {
    if (owners[partition] !== undefined) continue;
    const owner = rendezvous(withLoad(loads, Math.min(...loads.values())), partition)!;
    owners[partition] = owner;
    loads.set(owner, loads.get(owner)! + 1);
  }
  for (;;) {
    const most = Math.max(...loads.values());
    const least = Math.min(...loads.values());
    if (most - least < 2) return owners as string[];
    const giver = withLoad(loads, most)[0]!;
    const taker = withLoad(loads, least)[0]!;
    owners[mostWanted(taker, owners, giver)] = taker;
    loads.set(giver, most - 1);
    loads.set(taker, least + 1);
  }
}

function withLoad(loads: ReadonlyMap<string, number>, load: number): string[] {
  return [...loads].filter(([, own]) => own === load).map(([name]) => name);
}

/** Of the partitions of `giver`, the one that `taker` wants most. */
function mostWanted(taker: string, owners: readonly (string | undefined)[], giver: string): number {
  let best = -1;
  for (let partition = 0; partition < owners.length; partition++) {
    if (owners[partition] !== giver) continue;
    if (best === -1 || rendezvousWeight(taker, partition) > rendezvousWeight(taker, best)) best = partition;
  }
  return best;
}
