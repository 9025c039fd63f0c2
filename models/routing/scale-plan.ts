/** What would move if a stage had another number of replicas: the placement that the replicas themselves compute, asked ahead. */
import type { StageName } from '../stages/stage.js';
import type { StageView } from './cluster-view.js';
import { place } from './placement.js';

export interface ScalePlan {
  readonly stage: StageName;
  /** Replicas now, and as many as asked for. */
  readonly replicas: number;
  readonly wanted: number;
  /** Replica → partitions that it runs now, and would run then. Replicas to come are called `new 1`, `new 2`, … */
  readonly before: Readonly<Record<string, number>>;
  readonly after: Readonly<Record<string, number>>;
  readonly moves: readonly {
    readonly partition: number;
    /** Null: nobody runs it now. */
    readonly from: string | null;
    readonly to: string;
    readonly devices: number;
  }[];
  /** All there are, of which `moves` is a part. */
  readonly partitions: number;
  readonly devices: number;
  /** Moved devices by all devices, 0 to 1; by partitions where there is no device yet. */
  readonly movedShare: number;
}

/**
 * Which replicas would leave is the operator's choice; the plan assumes those that have the least to hand over.
 *
 * @param wanted how many replicas there should be, ≥ 1.
 */
export function scalePlan({ stage, replicas, partitions }: StageView, wanted: number): ScalePlan {
  const now = partitions.map(({ owner }) => owner);
  const before = loads(replicas, now);
  const staying = [...replicas].sort((a, b) => before[b]! - before[a]!).slice(0, wanted);
  const coming = Array.from({ length: Math.max(0, wanted - replicas.length) }, (_, i) => `new ${i + 1}`);
  const members = [...staying, ...coming];
  const holders = new Map(now.flatMap((owner, partition) => (owner === null ? [] : [[partition, owner] as const])));
  const then = place(partitions.length, members, holders);
  const moves = partitions.flatMap(({ partition, owner, devices }) => {
    const to = then[partition]!;
    return to === owner ? [] : [{ partition, from: owner, to, devices }];
  });
  const all = sumOfDevices(partitions);
  return {
    stage,
    replicas: replicas.length,
    wanted,
    before,
    after: loads(members, then),
    moves,
    partitions: partitions.length,
    devices: all,
    movedShare: all > 0 ? sumOfDevices(moves) / all : moves.length / Math.max(1, partitions.length),
  };
}

function loads(members: readonly string[], owners: readonly (string | null)[]): Record<string, number> {
  return Object.fromEntries(members.map((member) => [member, owners.filter((owner) => owner === member).length]));
}

function sumOfDevices(rows: readonly { readonly devices: number }[]): number {
  return rows.reduce((sum, { devices }) => sum + devices, 0);
}
