/**
 * Makes a service the host of a stage: it takes the partitions over that this replica should have, and commits, snapshots and
 * hands them over when it stops. A stage author writes only the pure `Stage`.
 */
import { Type } from '@sinclair/typebox';
import type { Context, Service, ServiceSchema } from 'moleculer';
import type { InputBatch, OutputBatch } from '../models/stages/stage.js';
import { action, ASK } from './bus/action-policy.js';
import { checkParams } from './params.js';
import { RecurringFault } from './recurring-fault.js';
import { liveNodes } from './routing/live-nodes.js';
import { StageHost, type PartitionStatus, type StageHostOptions } from './stage-host/stage-host.js';

/** Lag is told this often; the door counts on it. */
const MEASURE_EVERY_MS = 1_000;
/** Commit, snapshot and release of one partition. A holder that is dead does not answer at all. */
const GIVE_UP_TIMEOUT_MS = 10_000;
/** Nodes that are there answer within a few ms of our connection; whoever does not is heard of a heartbeat later. */
const SETTLE_MS = 500;

const GiveUpParams = Type.Object({ partition: Type.Integer({ minimum: 0 }), to: Type.String({ maxLength: 256 }) });
const LeavingParams = Type.Object({
  stage: Type.String(),
  node: Type.String({ maxLength: 256 }),
  forMs: Type.Optional(Type.Integer({ minimum: 0, maximum: 3_600_000 })),
});

/** Payload of the event `stage.progress`: how far a replica has come in the partitions that it runs. */
export interface StageProgress {
  readonly stage: string;
  readonly node: string;
  /** A row a partition: partition, input position, chunks that wait. */
  readonly partitions: readonly (readonly [partition: number, position: number, lag: number])[];
}

export type StageMixinOptions<State, Input extends InputBatch, Output extends OutputBatch> = Omit<
  StageHostOptions<State, Input, Output>,
  'members' | 'askFor' | 'settleMs' | 'onStandAside'
>;

export interface HostedStage<State> {
  readonly mixin: Partial<ServiceSchema>;
  /** Looks at the state of a partition that runs here. @throws NotOwnerError */
  readonly inspect: <T>(partition: number, look: (state: State) => T) => T;
}

export function stageMixin<State, Input extends InputBatch, Output extends OutputBatch>(
  options: StageMixinOptions<State, Input, Output>,
): HostedStage<State> {
  const { stage, holder, logger } = options;
  let host: StageHost<State, Input, Output>;
  let measuring: NodeJS.Timeout | undefined;
  const notMeasured = new RecurringFault(logger, 'warn', 'lag could not be measured', options.clock.monotonicMs);

  async function measure(service: Service): Promise<void> {
    const owned = await host.measure();
    const progress: StageProgress = {
      stage: stage.name,
      node: holder,
      partitions: owned.map(({ partition, position, lag = 0 }) => [partition, position, lag]),
    };
    await service.broker.broadcast('stage.progress', progress);
  }

  const mixin: Partial<ServiceSchema> = {
    actions: {
      /** Partitions with owner, epoch, position, lag and devices, as this replica sees them. */
      partitions: action(ASK, (): Promise<PartitionStatus[]> => host.status()),
      /** `{ready, reason?}`: false until every partition runs that should run here. */
      ready: action(ASK, () => {
        const reason = host.notReady();
        return reason === undefined ? { ready: true } : { ready: false, reason };
      }),
      /** The read side is about to be told to forget: that it goes back then is no fault. */
      expectForgetting: action(ASK, () => host.expectForgetting()),
      /** The read side was told to forget: shows it again what the log has. Resolves at once; `partitions` tells how far it is. */
      showAgain: action(ASK, () => host.showAgain()),
      /** Hands a partition over to the node `to`. False: by what this replica knows it should stay here. */
      giveUp: action({ timeoutMs: GIVE_UP_TIMEOUT_MS }, (ctx: Context): Promise<boolean> => {
        const { partition, to } = checkParams(GiveUpParams, ctx.params);
        return host.giveUp(partition, to);
      }),
    },
    events: {
      /**
       * A member says that it stops: only a hint, without it the others notice when its leases are free. Or it says that it takes
       * nothing for `forMs`, since nothing runs on it, and says so again before that is over.
       */
      'stage.leaving'(ctx: Context) {
        const { stage: name, node, forMs } = checkParams(LeavingParams, ctx.params);
        if (name === stage.name && node !== holder) host.memberLeaves(node, forMs);
      },
      '$services.changed': () => host.membersChanged(),
      '$node.disconnected': () => host.membersChanged(),
    },
    created(this: Service) {
      const { broker } = this;
      host = new StageHost({
        ...options,
        members: () => liveNodes(broker, stage.name),
        askFor: (node, partition) =>
          broker.call<boolean, object>(
            `${stage.name}.giveUp`,
            { partition, to: holder },
            { nodeID: node, timeout: GIVE_UP_TIMEOUT_MS, retries: 0 },
          ),
        onStandAside: (forMs) => broker.broadcast('stage.leaving', { stage: stage.name, node: holder, forMs }),
        settleMs: options.storage.mode === 'cluster' ? SETTLE_MS : 0,
      });
    },
    started(this: Service) {
      host.start();
      measuring = setInterval(() => {
        measure(this).catch((error: unknown) => notMeasured.happened(error, { stage: stage.name }));
      }, MEASURE_EVERY_MS);
      return Promise.resolve();
    },
    async stopped(this: Service) {
      clearInterval(measuring);
      await this.broker.broadcast('stage.leaving', { stage: stage.name, node: holder }).catch((error: unknown) => {
        logger.warn({ err: error }, 'nobody was told that this replica stops');
      });
      await host.stop();
    },
  };
  return { mixin, inspect: (partition, look) => host.inspect(partition, look) };
}
