/** What the gateway answers about the cluster. */
import { Option } from 'commander';
import { STAGES, type StageName } from '../../models/stages/stage.js';
import type { StageView } from '../../models/routing/cluster-view.js';

/** `GET /v1/cluster`. */
export interface ClusterAnswer {
  /** Service → nodes that run it. */
  readonly services: Readonly<Record<string, readonly string[]>>;
  /** How far each node's clock is ahead of the gateway's; null: it did not answer. */
  readonly clocks: readonly { readonly node: string; readonly aheadMs: number | null }[];
  readonly stages: readonly StageView[];
}

export interface StageOption {
  readonly stage?: StageName;
}

export function stageOption(): Option {
  return new Option('--stage <name>', 'only this one').choices(STAGES);
}

/** Those of `rows` that `--stage` names; without it all. */
export function ofStage<T extends { readonly stage: StageName }>(
  rows: readonly T[],
  { stage }: StageOption,
): readonly T[] {
  return rows.filter((row) => stage === undefined || row.stage === stage);
}

/** What is wrong with who runs a stage, one line each; none when all is well. */
export function stageProblems({ stage, replicas, silent, partitions }: StageView): readonly string[] {
  if (replicas.length === 0) return [`${stage}: no replica runs it`];
  const unowned = partitions.filter(({ owner }) => owner === null);
  return [
    ...silent.map(({ node, reason }) => `${stage}: ${node} did not answer (${reason})`),
    ...(unowned.length === 0
      ? []
      : [`${stage}: nobody runs ${unowned.length} of ${partitions.length} partitions: ${listOf(unowned)}`]),
  ];
}

/** Chunks that wait in the partition that has most of them. */
export function mostLag({ partitions }: StageView): number {
  return Math.max(0, ...partitions.map(({ lag }) => lag ?? 0));
}

function listOf(unowned: readonly { readonly partition: number; readonly failure?: string }[]): string {
  const shown = unowned.slice(0, 8).map(({ partition, failure }) => `${partition}${failure ? ` (${failure})` : ''}`);
  return `${shown.join(', ')}${unowned.length > shown.length ? ', …' : ''}`;
}
