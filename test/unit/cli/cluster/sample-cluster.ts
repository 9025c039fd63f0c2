import type { ClusterAnswer } from '../../../../cli/cluster/cluster-answer.js';
import type { ClusterPart } from '../../../../cli/cluster/cluster-parts.js';
import { STAGES } from '../../../../models/stages/stage.js';

/** What a gateway says of a cluster with these parts, 8 partitions a stage, dealt out evenly. */
export function clusterOf(
  parts: readonly ClusterPart[],
  ownerOf: (owner: string, partition: number) => string | null = (owner) => owner,
  silent: ClusterAnswer['stages'][number]['silent'] = [],
): ClusterAnswer {
  const services: Record<string, string[]> = {};
  for (const { service, name } of parts) (services[service] ??= []).push(name);
  return {
    services,
    clocks: parts.map(({ name }) => ({ node: name, aheadMs: 0 })),
    stages: STAGES.map((stage) => {
      const replicas = services[stage] ?? [];
      return {
        stage,
        replicas,
        silent,
        partitions: Array.from({ length: 8 }, (_, partition) => ({
          partition,
          owner: ownerOf(replicas[partition % replicas.length]!, partition),
          epoch: 1,
          position: 10,
          lag: 0,
          devices: 2,
          readSide: { shown: 9, end: 9 },
        })),
      };
    }),
  };
}
