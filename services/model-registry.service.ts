/** Models: names, immutable versions, the champion of each, and who changed it and why. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Type } from '@sinclair/typebox';
import type { Context, Service, ServiceSchema } from 'moleculer';
import { action, ASK, type ActionPolicy } from '../mixins/bus/action-policy.js';
import { checkParams } from '../mixins/params.js';
import { quantumKernel, QUANTUM_IS_OFF } from '../models/detectors/quantum-kernel.js';
import { ModelNotFoundError, ModelUnavailableError, SettingInvalidError } from '../models/errors.js';
import { TRAINING_FIELDS } from '../models/neural/training-wish.js';
import type { Model, ModelVersion, RegistryRecord, Training } from '../models/registry/registry.js';
import { completeProfile, DEFAULT_PROFILE } from '../models/profiles/profile.js';
import { LOOK_INSIDE } from './action-policies.js';
import { RegistryLog } from './model-registry/registry-log.js';
import { DriftRetraining } from './model-registry/drift-retraining.js';
import { DriftWatch, type DriftReport } from './model-registry/drift-watch.js';
import { createRegistryMetrics } from './model-registry/registry-metrics.js';
import { Trainings, type TrainingProgress } from './model-registry/trainings.js';
import { ModelShelf } from './model-shelf.js';
import type { NodeContext } from './node-context.js';

const Name = Type.String({ minLength: 1, maxLength: 63 });
const By = Type.String({ minLength: 1, maxLength: 128 });
const Note = Type.Optional(Type.String({ maxLength: 2_000 }));

export const GetParams = Type.Object({ name: Name, version: Type.Optional(Type.String({ maxLength: 64 })) });
const RegisterParams = Type.Object({ name: Name, definition: Type.Unknown(), by: By, note: Note });
const AttachParams = Type.Object({
  name: Name,
  artifact: Type.String({ pattern: '^[0-9a-f]{64}$' }),
  by: By,
  note: Note,
});
const Version = Type.String({ minLength: 1, maxLength: 64 });
const PromoteParams = Type.Object({
  name: Name,
  version: Version,
  /** Champion that the decision was made against. */
  champion: Type.Optional(Version),
  by: By,
  note: Note,
});
const ChallengeParams = Type.Object({ name: Name, version: Version, by: By, note: Note });
const RollbackParams = Type.Object({ name: Name, by: By, note: Note });

const TrainParams = Type.Object({
  ...TRAINING_FIELDS,
  name: Name,
  tenant: Type.String({ minLength: 1, maxLength: 64 }),
  devices: Type.Optional(TRAINING_FIELDS.devices),
  channels: Type.Optional(TRAINING_FIELDS.channels),
  latent: Type.Optional(TRAINING_FIELDS.latent),
  sinceMs: Type.Number(),
  by: By,
  note: Note,
});
const DriftParams = Type.Object({
  name: Name,
  tenant: Type.String({ minLength: 1, maxLength: 64 }),
  device: Type.Optional(Type.String({ minLength: 1, maxLength: 128 })),
});
const TrainingsParams = Type.Object({ name: Name, id: Type.Optional(Type.String({ maxLength: 64 })) });

/** Answer of `model-registry.trainings`. */
export interface TrainingStatus extends Training {
  /** Of one that runs at the node that was asked. */
  readonly progress?: TrainingProgress;
}

/** A process that is gone trains no more, whatever the log says. */
function trainingStatus(
  training: Training,
  progress: TrainingProgress | undefined,
  live: ReadonlySet<string>,
): TrainingStatus {
  if (training.state !== 'running') return training;
  if (!live.has(training.nodeId)) return { ...training, state: 'failed', reason: 'the process that trained has ended' };
  return progress === undefined ? training : { ...training, progress };
}

/** Who appears in the history when the configuration file changes a profile. */
const SETTINGS = 'settings';
const ACTIVATION_TIMEOUT_MS = 10_000;
/** Models are of all tenants together. */
const LOOK_AT_MODELS: ActionPolicy = { ...LOOK_INSIDE, publicFor: 'read-cluster' };
/** Decides how devices of all tenants are treated, so it is for people alone. Waits for an activation, and one that goes before. */
const CHANGE: ActionPolicy = { timeoutMs: 2 * ACTIVATION_TIMEOUT_MS, mostConcurrent: 8, mostQueued: 32 };
/** `ingest` may still be starting, or be away, when the registry has something to send. */
const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 5_000;
const WORTH_A_WARNING_MS = 3_000;
/** A start waits so long for the first activation; after that it goes on without, and `ready` says so. */
const START_WAITS_MS = 5_000;

export function modelRegistryService(node: NodeContext): ServiceSchema {
  const { settings, storage, clock, logger } = node;
  const log = new RegistryLog(storage.journal, clock.wallMs);
  const metrics = createRegistryMetrics(node.metrics.registry, () => log.registry.list());
  let isReady = false;

  const change = ({ by, note }: { readonly by: string; readonly note?: string | undefined }) => ({
    by,
    atMs: clock.wallMs(),
    ...(note === undefined ? {} : { note }),
  });

  const shelf = new ModelShelf(storage.models);

  /** What a definition names must be there, in every scorer. */
  async function requireParts(name: string, definition: unknown): Promise<void> {
    const { detection } = completeProfile(name, definition);
    if (!settings.enableQuantum && detection.detectors.some((choice) => choice.name === quantumKernel.name)) {
      throw new SettingInvalidError([`profiles.${name}.detection.detectors: ${QUANTUM_IS_OFF}`]);
    }
    await requireModel(detection.model);
  }

  /** A version that names a model which nobody has would stop every scorer: it is refused here. */
  async function requireModel(artifact: string | undefined): Promise<void> {
    if (artifact === undefined) return;
    try {
      await shelf.fetch(artifact);
    } catch (error) {
      if (!(error instanceof ModelUnavailableError)) throw error;
      throw new ModelNotFoundError(`${error.message}: store it first`, { cause: error });
    }
  }

  /** A profile in the settings becomes champion when its content is new; one that somebody rolled back stays rolled back. */
  async function registerSettings(): Promise<void> {
    const profiles = new Map(settings.profiles.map(({ name, definition }) => [name, definition as unknown]));
    if (!profiles.has(DEFAULT_PROFILE)) profiles.set(DEFAULT_PROFILE, {});
    for (const [name, definition] of profiles) {
      const by = change({ by: SETTINGS });
      await requireParts(name, definition);
      const [registered] = await log.append((registry) => registry.registering(name, definition, by));
      if (registered !== undefined) await log.append((registry) => registry.promoting(name, registered.version, by));
    }
  }

  let activating: Promise<void> = Promise.resolve();

  /** One after the other: two activations at once could reach partitions in different order. */
  function activateChampions(service: Service): Promise<void> {
    const turn = activating.then(() => sendChampions(service));
    activating = turn.catch(() => undefined);
    return turn;
  }

  /**
   * Puts champions that have not reached every partition into the log. Sending one twice changes nothing. Another replica may
   * promote meanwhile, and its activation land before ours: what the registry then calls unfinished is sent again.
   */
  async function sendChampions(service: Service): Promise<void> {
    for (let [next] = log.registry.unfinished(); next !== undefined; [next] = log.registry.unfinished()) {
      const { name, champion } = next;
      const { version, definition, by } = champion;
      const command = { type: 'profile.activate', profile: name, version, definition, by };
      await service.broker.call('ingest.broadcast', { command }, { timeout: ACTIVATION_TIMEOUT_MS });
      await log.append(() => [{ type: 'activated', name, version, ...change({ by }) }]);
    }
  }

  const stopping = new AbortController();
  const trainings = new Trainings(node, log, metrics, stopping.signal);
  const drift = new DriftWatch(storage.readSide, shelf, node.metrics.registry);
  const retraining = new DriftRetraining({ node, log, drift, trainings, signal: stopping.signal });

  /** Until every champion is in the log of every partition. Another replica may have sent them meanwhile. */
  async function activateUntilDone(service: Service): Promise<void> {
    for (let retryMs = FIRST_RETRY_MS; !stopping.signal.aborted; retryMs = Math.min(2 * retryMs, LONGEST_RETRY_MS)) {
      try {
        await log.refresh();
        await activateChampions(service);
        isReady = true;
        return;
      } catch (error) {
        // While a cluster starts, others start too: nothing to wake anybody for.
        const level = retryMs < WORTH_A_WARNING_MS ? 'debug' : 'warn';
        logger[level]({ err: error, retryMs }, 'profiles could not be activated yet, trying again');
        await sleep(retryMs, undefined, { signal: stopping.signal }).catch(() => undefined);
      }
    }
  }

  return {
    name: 'model-registry',
    actions: {
      list: action(LOOK_AT_MODELS, async (): Promise<Model[]> => {
        await log.refresh();
        return log.registry.list();
      }),
      get: action(LOOK_AT_MODELS, async (ctx: Context): Promise<Model | ModelVersion> => {
        const { name, version } = checkParams(GetParams, ctx.params);
        await log.refresh();
        return version === undefined ? log.registry.get(name) : log.registry.version(name, version);
      }),
      // Named by its content: registering it twice changes nothing.
      register: action({ ...CHANGE, isIdempotent: true }, async (ctx: Context): Promise<ModelVersion> => {
        const params = checkParams(RegisterParams, ctx.params);
        const { name, definition } = params;
        await requireParts(name, definition);
        let wanted: readonly RegistryRecord[] = [];
        await log.append((registry) => (wanted = registry.registering(name, definition, change(params))));
        return log.registry.version(name, wanted[0]?.version ?? log.registry.versionOf(name, definition));
      }),
      // The champion, looked at by a trained model besides. The artifact is stored before.
      attach: action({ ...CHANGE, isIdempotent: true }, async (ctx: Context): Promise<ModelVersion> => {
        const params = checkParams(AttachParams, ctx.params);
        const { name, artifact } = params;
        await requireModel(artifact);
        let version = '';
        await log.append((registry) => {
          version = registry.attachedVersion(name, artifact);
          return registry.attaching(name, artifact, change(params));
        });
        return log.registry.version(name, version);
      }),
      // Begins one, from what the server has recorded. Not repeated by itself: it would begin another.
      train: action(CHANGE, async (ctx: Context): Promise<Training> => {
        const { latent, devices, channels, note, ...wish } = checkParams(TrainParams, ctx.params);
        return trainings.start({ ...wish, latent, devices, channels, note });
      }),
      trainings: action(LOOK_INSIDE, async function (this: Service, ctx: Context): Promise<TrainingStatus[]> {
        const { name, id } = checkParams(TrainingsParams, ctx.params);
        await log.refresh();
        const found = log.registry.get(name).trainings.filter((training) => id === undefined || training.id === id);
        if (id !== undefined && found.length === 0) throw new ModelNotFoundError(`${name} has no training ${id}`);
        const live = new Set(
          this.broker.registry.getNodeList({ onlyAvailable: true }).map((one: { id: string }) => one.id),
        );
        return found.map((training) => trainingStatus(training, trainings.progress(training.id), live));
      }),
      // Whether devices are still those that the champion came into force for.
      drift: action(
        { ...LOOK_INSIDE, timeoutMs: 30_000, mostConcurrent: 1 },
        async (ctx: Context): Promise<DriftReport> => {
          const { name, tenant, device } = checkParams(DriftParams, ctx.params);
          await log.refresh();
          return drift.look(log.registry.get(name), tenant, clock.wallMs(), device);
        },
      ),
      promote: action(CHANGE, async function (this: Service, ctx: Context): Promise<Model> {
        const params = checkParams(PromoteParams, ctx.params);
        const { name, version, champion } = params;
        await log.append((registry) => registry.promoting(name, version, change(params), champion));
        await activateChampions(this);
        return log.registry.get(name);
      }),
      // Nothing comes into force: it says whom to compare with the champion.
      challenge: action({ ...CHANGE, isIdempotent: true }, async (ctx: Context): Promise<Model> => {
        const params = checkParams(ChallengeParams, ctx.params);
        await log.append((registry) => registry.challenging(params.name, params.version, change(params)));
        return log.registry.get(params.name);
      }),
      rollback: action(CHANGE, async function (this: Service, ctx: Context): Promise<Model> {
        const params = checkParams(RollbackParams, ctx.params);
        await log.append((registry) => registry.rollingBack(params.name, change(params)));
        await activateChampions(this);
        return log.registry.get(params.name);
      }),
      ready: action(ASK, () =>
        isReady ? { ready: true } : { ready: false, reason: 'profiles have yet to be activated in every partition' },
      ),
    },
    async started(this: Service) {
      await log.refresh();
      await registerSettings();
      await Promise.race([activateUntilDone(this), sleep(START_WAITS_MS, undefined, { ref: false })]);
      retraining.start(this.broker);
    },
    stopped() {
      stopping.abort();
      return Promise.resolve();
    },
  };
}
