/** Who runs what, for people who scale and repair. */
import type { ServiceBroker } from 'moleculer';
import { liveNodes } from '../../mixins/routing/live-nodes.js';
import type { PartitionStatus } from '../../mixins/stage-host/stage-host.js';
import { RequestInvalidError } from '../../models/errors.js';
import { place } from '../../models/routing/placement.js';
import { STAGES, type StageName } from '../../models/stages/stage.js';
import { SERVICE_NAMES } from '../../models/settings.js';
import { toProblem } from './problem.js';
import { integer, readQuery } from './query.js';
import { sendJson } from './respond.js';
import type { Exchange, RouteDefinition } from './route.js';

/** More replicas than there can be partitions have nothing to do. */
const MOST_REPLICAS = 1_024;

/** One partition of one stage, from what all replicas say. */
export interface PartitionView {
  readonly partition: number;
  /** Null while nobody runs it. */
  readonly owner: string | null;
  readonly epoch: number;
  readonly position: number;
  /** Chunks that wait; null while nobody runs it. */
  readonly lag: number | null;
  readonly devices: number;
  readonly failure?: string;
}

export interface StageView {
  readonly stage: StageName;
  readonly replicas: readonly string[];
  /** Replicas that did not answer, with the reason. */
  readonly silent: readonly { readonly node: string; readonly reason: string }[];
  readonly partitions: readonly PartitionView[];
}

export interface ScalePlan {
  readonly stage: StageName;
  readonly replicas: number;
  readonly wanted: number;
  /** Partitions of each replica afterwards; replicas to come are called `new 1`, `new 2`, … */
  readonly loads: Readonly<Record<string, number>>;
  readonly moves: readonly {
    readonly partition: number;
    readonly from: string | null;
    readonly to: string;
    readonly devices: number;
  }[];
}

/** @param broker of this gateway, once it is created. */
export function clusterRoutes(broker: () => ServiceBroker): readonly RouteDefinition[] {
  return [
    {
      method: 'GET',
      path: '/v1/cluster',
      access: 'control',
      async handle(exchange) {
        readQuery(exchange.query, {});
        const services = Object.fromEntries(SERVICE_NAMES.map((name) => [name, liveNodes(broker(), name)]));
        const stages = await Promise.all(STAGES.map((stage) => stageView(exchange, stage, services[stage] ?? [])));
        sendJson(exchange.response, 200, { services, stages });
      },
    },
    {
      method: 'GET',
      path: '/v1/cluster/scale-plan',
      access: 'control',
      async handle(exchange) {
        const { replicas } = readQuery(exchange.query, { replicas: integer(1, MOST_REPLICAS) });
        if (replicas === undefined) throw new RequestInvalidError('replicas is missing: say how many there should be');
        const plans = await Promise.all(
          STAGES.map(async (stage) =>
            scalePlan(await stageView(exchange, stage, liveNodes(broker(), stage)), replicas),
          ),
        );
        sendJson(exchange.response, 200, { plans });
      },
    },
  ];
}

async function stageView({ call }: Exchange, stage: StageName, replicas: readonly string[]): Promise<StageView> {
  const silent: { node: string; reason: string }[] = [];
  const owned = new Map<number, PartitionStatus>();
  const failures = new Map<number, string>();
  let count = 0;
  await Promise.all(
    replicas.map(async (node) => {
      try {
        for (const status of await call<PartitionStatus[]>(`${stage}.partitions`, {}, node)) {
          count = Math.max(count, status.partition + 1);
          // Between two owners both may say so for a moment; the later epoch is right.
          const other = owned.get(status.partition);
          if (status.isOwned && (other === undefined || other.epoch < status.epoch))
            owned.set(status.partition, status);
          if (status.failure !== undefined) failures.set(status.partition, status.failure);
        }
      } catch (error) {
        silent.push({ node, reason: String(toProblem(error, undefined).body['detail']) });
      }
    }),
  );
  const partitions = Array.from({ length: count }, (_, partition): PartitionView => {
    const status = owned.get(partition);
    const failure = failures.get(partition);
    return {
      partition,
      owner: status?.owner ?? null,
      epoch: status?.epoch ?? 0,
      position: status?.position ?? 0,
      lag: status?.lag ?? null,
      devices: status?.devices ?? 0,
      ...(failure !== undefined && { failure }),
    };
  });
  return { stage, replicas, silent, partitions };
}

/** What would move if there were `wanted` replicas. Those that leave are the ones that have the least to hand over. */
export function scalePlan({ stage, replicas, partitions }: StageView, wanted: number): ScalePlan {
  const holders = new Map(
    partitions.flatMap(({ partition, owner }) => (owner === null ? [] : [[partition, owner] as const])),
  );
  const load = (node: string): number => partitions.filter(({ owner }) => owner === node).length;
  const staying = [...replicas].sort((a, b) => load(b) - load(a)).slice(0, wanted);
  const coming = Array.from({ length: Math.max(0, wanted - replicas.length) }, (_, i) => `new ${i + 1}`);
  const members = [...staying, ...coming];
  const owners = place(partitions.length, members, holders);
  return {
    stage,
    replicas: replicas.length,
    wanted,
    loads: Object.fromEntries(members.map((member) => [member, owners.filter((owner) => owner === member).length])),
    moves: partitions.flatMap(({ partition, owner, devices }) => {
      const to = owners[partition]!;
      return to === owner ? [] : [{ partition, from: owner, to, devices }];
    }),
  };
}
