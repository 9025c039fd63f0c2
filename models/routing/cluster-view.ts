/** Who runs what, put together from what all replicas of a stage say. */
import type { StageName } from '../stages/stage.js';

/** Sequences of a stage's results: up to where people see them, and up to where they are committed. */
export interface ReadSideProgress {
  readonly shown: number;
  readonly end: number;
}

export interface PartitionView {
  readonly partition: number;
  /** Null while nobody runs it. */
  readonly owner: string | null;
  readonly epoch: number;
  /** Of the input, up to where it is committed. */
  readonly position: number;
  /** Chunks that wait; null while nobody runs it. */
  readonly lag: number | null;
  readonly devices: number;
  /** Null while it is not known how far that is, and where the stage's results are not shown to people. */
  readonly readSide: ReadSideProgress | null;
  /** Why it did not run the last time that a replica tried. */
  readonly failure?: string;
}

export interface StageView {
  readonly stage: StageName;
  /** Names of the nodes that run the stage and were heard of lately. */
  readonly replicas: readonly string[];
  /** Replicas that did not answer, with the reason. */
  readonly silent: readonly { readonly node: string; readonly reason: string }[];
  /** By partition; empty when no replica answered. */
  readonly partitions: readonly PartitionView[];
}

/** What a replica says of one partition. */
export interface PartitionReport {
  readonly partition: number;
  /** Node that runs it, as far as this replica has heard. */
  readonly owner: string | undefined;
  /** Whether this replica runs it; where it does not, only `owner` and `failure` mean something. */
  readonly isOwned: boolean;
  readonly epoch: number;
  /** Input position in the state. */
  readonly position: number;
  readonly lag: number | undefined;
  readonly devices: number;
  /** As in `PartitionView`. */
  readonly readSide: ReadSideProgress | undefined;
  /** Why it did not run the last time that this replica tried. */
  readonly failure: string | undefined;
}

/** What one replica answered: its partitions, or why there is no answer. */
export type ReplicaReport =
  | { readonly node: string; readonly partitions: readonly PartitionReport[] }
  | { readonly node: string; readonly reason: string };

/** @param reports one a replica. Between two owners both may claim a partition for a moment; the later epoch is right. */
export function stageView(stage: StageName, reports: readonly ReplicaReport[]): StageView {
  const owned = new Map<number, PartitionReport>();
  const failures = new Map<number, string>();
  let count = 0;
  for (const report of reports) {
    if ('reason' in report) continue;
    for (const said of report.partitions) {
      count = Math.max(count, said.partition + 1);
      const other = owned.get(said.partition);
      if (said.isOwned && (other === undefined || other.epoch < said.epoch)) owned.set(said.partition, said);
      if (said.failure !== undefined) failures.set(said.partition, said.failure);
    }
  }
  return {
    stage,
    replicas: reports.map(({ node }) => node),
    silent: reports.flatMap((report) => ('reason' in report ? [{ node: report.node, reason: report.reason }] : [])),
    partitions: Array.from({ length: count }, (_, partition): PartitionView => {
      const said = owned.get(partition);
      const failure = failures.get(partition);
      return {
        partition,
        owner: said?.owner ?? null,
        epoch: said?.epoch ?? 0,
        position: said?.position ?? 0,
        lag: said?.lag ?? null,
        devices: said?.devices ?? 0,
        readSide: said?.readSide ?? null,
        ...(failure !== undefined && { failure }),
      };
    }),
  };
}
