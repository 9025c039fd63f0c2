/** Which processes a local cluster has. */
import type { ServiceName } from '../../models/settings.js';

export interface ClusterSize {
  readonly ingests: number;
  readonly windows: number;
  readonly scorers: number;
  readonly alertings: number;
}

/** One process of `redshank start`. */
export interface ClusterPart {
  /** The service, and a number where there are several: `scorer-2`. */
  readonly name: string;
  readonly service: ServiceName;
}

/** In the order of starting: whoever is asked before who asks. One gateway, since it has the port; one registry, since it rests. */
export function clusterParts({ ingests, windows, scorers, alertings }: ClusterSize): readonly ClusterPart[] {
  const counts: readonly (readonly [ServiceName, number])[] = [
    ['model-registry', 1],
    ['window', windows],
    ['scorer', scorers],
    ['alerting', alertings],
    ['ingest', ingests],
    ['gateway', 1],
  ];
  return counts.flatMap(([service, count]) =>
    Array.from({ length: count }, (_, i) => ({ name: count === 1 ? service : `${service}-${i + 1}`, service })),
  );
}
