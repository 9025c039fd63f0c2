/** When a local cluster is ready: every part is seen, every partition has an owner, and the partitions are dealt out evenly. */
import type { StageView } from '../../models/routing/cluster-view.js';
import type { ClusterAnswer } from './cluster-answer.js';
import type { ClusterPart } from './cluster-parts.js';

export interface Missing {
  /** Stages that lack nothing. */
  readonly readyStages: number;
  /** What is waited for, in a few words. */
  readonly note: string;
}

/** @returns undefined when nothing is missing. */
export function whatIsMissing({ services, stages }: ClusterAnswer, parts: readonly ClusterPart[]): Missing | undefined {
  const lacks = stages.map((view) => whatStageLacks(view));
  const readyStages = lacks.filter((lack) => lack === undefined).length;
  for (const service of new Set(parts.map((part) => part.service))) {
    const wanted = parts.filter((part) => part.service === service).length;
    const seen = services[service]?.length ?? 0;
    if (seen < wanted) return { readyStages, note: `${service}: ${seen} of ${wanted} seen` };
  }
  const note = lacks.find((lack) => lack !== undefined);
  return note === undefined ? undefined : { readyStages, note };
}

function whatStageLacks({ stage, replicas, silent, partitions }: StageView): string | undefined {
  const owned = partitions.filter(({ owner }) => owner !== null).length;
  if (partitions.length === 0 || owned < partitions.length)
    return `${stage}: ${owned} of ${partitions.length} partitions`;
  if (silent.length > 0) return `${stage}: ${silent.length} without an answer`;
  const loads = replicas.map((replica) => partitions.filter(({ owner }) => owner === replica).length);
  return Math.max(...loads) - Math.min(...loads) > 1
    ? `${stage}: dealing out ${partitions.length} partitions`
    : undefined;
}
