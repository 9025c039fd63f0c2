/** Who runs what, for people who scale and repair. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ServiceBroker } from 'moleculer';
import { clockOffsets } from '../../mixins/routing/clock-offsets.js';
import { liveNodes } from '../../mixins/routing/live-nodes.js';
import { RequestInvalidError } from '../../models/errors.js';
import {
  stageView,
  type PartitionReport,
  type ReplicaReport,
  type StageView,
} from '../../models/routing/cluster-view.js';
import { scalePlan } from '../../models/routing/scale-plan.js';
import { STAGES, type StageName } from '../../models/stages/stage.js';
import { SERVICE_NAMES } from '../../models/settings.js';
import type { NodeContext } from '../node-context.js';
import { toProblem } from './problem.js';
import { integer } from './query.js';
import { sendJson } from './respond.js';
import { route, type Exchange, type RouteDefinition } from './route.js';
import { Cluster, Rebuild, ScalePlans } from './schemas/cluster.js';

/** More replicas than there can be partitions have nothing to do. */
const MOST_REPLICAS = 1_024;

/** A replica that hangs must not hold up what people wait for. */
const ANNOUNCED_WITHIN_MS = 1_000;

/** What shows its results on the read side. */
const SHOWN_STAGES = ['scorer', 'alerting'] as const;

/** @param broker of this gateway, once it is created. */
export function clusterRoutes({ storage }: NodeContext, broker: () => ServiceBroker): readonly RouteDefinition[] {
  /** @returns the replicas that were not reached. */
  async function tellShowing(
    { call }: Pick<Exchange, 'call'>,
    action: 'expectForgetting' | 'showAgain',
  ): Promise<readonly object[]> {
    const told = await Promise.all(
      SHOWN_STAGES.flatMap((stage) =>
        liveNodes(broker(), stage).map((node) =>
          call(`${stage}.${action}`, {}, node).then(
            () => [],
            (error: unknown) => [{ stage, node, reason: String(toProblem(error, undefined).body['detail']) }],
          ),
        ),
      ),
    );
    return told.flat();
  }

  return [
    route({
      method: 'GET',
      path: '/v1/cluster',
      summary: 'Who runs what, and how far it is',
      description: 'A replica that has just died is waited for up to 8 s.',
      tag: 'running',
      may: 'read-cluster',
      answers: { 200: { description: 'Nodes, clocks, stages', schema: Cluster } },
      async handle(exchange) {
        const services = Object.fromEntries(SERVICE_NAMES.map((name) => [name, liveNodes(broker(), name)]));
        const [clocks, stages] = await Promise.all([
          clockOffsets(broker(), [...new Set(Object.values(services).flat())]),
          Promise.all(STAGES.map((stage) => askStage(exchange, stage, services[stage] ?? []))),
        ]);
        sendJson(exchange.response, 200, { services, clocks, stages });
      },
    }),
    route({
      method: 'GET',
      path: '/v1/cluster/scale-plan',
      summary: 'What would move with another number of replicas',
      description: 'Changes nothing. `replicas` is required.',
      tag: 'running',
      may: 'read-cluster',
      query: { replicas: integer(1, MOST_REPLICAS, 'How many there should be') },
      answers: { 200: { description: 'A plan a stage', schema: ScalePlans } },
      async handle(exchange) {
        const { replicas } = exchange.query;
        if (replicas === undefined) throw new RequestInvalidError('replicas is missing: say how many there should be');
        const plans = await Promise.all(
          STAGES.map(async (stage) => scalePlan(await askStage(exchange, stage, liveNodes(broker(), stage)), replicas)),
        );
        sendJson(exchange.response, 200, { plans });
      },
    }),
    route({
      method: 'POST',
      path: '/v1/cluster/rebuild',
      summary: 'Forget what people see, and fill it again from the log',
      tag: 'running',
      may: 'administer-cluster',
      answers: { 202: { description: 'The read side is being filled', schema: Rebuild } },
      async handle(exchange) {
        // Who does not hear of it warns that the read side went back, which is all.
        await Promise.race([tellShowing(exchange, 'expectForgetting'), sleep(ANNOUNCED_WITHIN_MS)]);
        await storage.readSide.forget();
        // Who does not hear of it finds out by itself within seconds, except where nothing was kept for good before.
        const silent = await tellShowing(exchange, 'showAgain');
        sendJson(exchange.response, 202, { silent });
      },
    }),
  ];
}

async function askStage(
  { call }: Pick<Exchange, 'call'>,
  stage: StageName,
  replicas: readonly string[],
): Promise<StageView> {
  const reports = await Promise.all(
    replicas.map(async (node): Promise<ReplicaReport> => {
      try {
        return { node, partitions: await call<readonly PartitionReport[]>(`${stage}.partitions`, {}, node) };
      } catch (error) {
        return { node, reason: String(toProblem(error, undefined).body['detail']) };
      }
    }),
  );
  return stageView(stage, reports);
}
