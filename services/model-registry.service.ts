/** Models: names, immutable versions, the champion of each, and who changed it and why. */
import { Type } from '@sinclair/typebox';
import type { Context, Service, ServiceSchema } from 'moleculer';
import { checkParams } from '../mixins/params.js';
import type { Model, ModelVersion, RegistryRecord } from '../models/registry/registry.js';
import { DEFAULT_PROFILE } from '../models/profiles/profile.js';
import { RegistryLog } from './model-registry/registry-log.js';
import type { NodeContext } from './node-context.js';

const Name = Type.String({ minLength: 1, maxLength: 63 });
const By = Type.String({ minLength: 1, maxLength: 128 });
const Note = Type.Optional(Type.String({ maxLength: 2_000 }));

const GetParams = Type.Object({ name: Name, version: Type.Optional(Type.String({ maxLength: 64 })) });
const RegisterParams = Type.Object({ name: Name, definition: Type.Unknown(), by: By, note: Note });
const PromoteParams = Type.Object({ name: Name, version: Type.String({ maxLength: 64 }), by: By, note: Note });
const RollbackParams = Type.Object({ name: Name, by: By, note: Note });

/** Who appears in the history when the configuration file changes a profile. */
const SETTINGS = 'settings';
/** `ingest` may still be starting when the registry sends what it has to send. */
const ACTIVATION_CALL = { timeout: 10_000, retries: 5 };

export function modelRegistryService(node: NodeContext): ServiceSchema {
  const { settings, storage, clock } = node;
  const log = new RegistryLog(storage.journal, clock.wallMs);
  let isReady = false;

  const change = ({ by, note }: { readonly by: string; readonly note?: string | undefined }) => ({
    by,
    atMs: clock.wallMs(),
    ...(note === undefined ? {} : { note }),
  });

  /** A profile in the settings becomes champion when its content is new; one that somebody rolled back stays rolled back. */
  async function registerSettings(): Promise<void> {
    const profiles = new Map(settings.profiles.map(({ name, definition }) => [name, definition as unknown]));
    if (!profiles.has(DEFAULT_PROFILE)) profiles.set(DEFAULT_PROFILE, {});
    for (const [name, definition] of profiles) {
      const by = change({ by: SETTINGS });
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

  /** Puts champions that have not reached every partition into the log. Sending one twice changes nothing. */
  async function sendChampions(service: Service): Promise<void> {
    for (const { name, champion } of log.registry.unfinished()) {
      const { version, definition, by } = champion;
      const command = { type: 'profile.activate', profile: name, version, definition, by };
      await service.broker.call('ingest.broadcast', { command }, ACTIVATION_CALL);
      await log.append(() => [{ type: 'activated', name, version, ...change({ by }) }]);
    }
  }

  return {
    name: 'model-registry',
    dependencies: ['ingest'],
    actions: {
      list: (): Model[] => log.registry.list(),
      get(ctx: Context): Model | ModelVersion {
        const { name, version } = checkParams(GetParams, ctx.params);
        return version === undefined ? log.registry.get(name) : log.registry.version(name, version);
      },
      async register(ctx: Context): Promise<ModelVersion> {
        const params = checkParams(RegisterParams, ctx.params);
        const { name, definition } = params;
        let wanted: readonly RegistryRecord[] = [];
        await log.append((registry) => (wanted = registry.registering(name, definition, change(params))));
        return log.registry.version(name, wanted[0]?.version ?? log.registry.versionOf(name, definition));
      },
      async promote(this: Service, ctx: Context): Promise<Model> {
        const params = checkParams(PromoteParams, ctx.params);
        await log.append((registry) => registry.promoting(params.name, params.version, change(params)));
        await activateChampions(this);
        return log.registry.get(params.name);
      },
      async rollback(this: Service, ctx: Context): Promise<Model> {
        const params = checkParams(RollbackParams, ctx.params);
        await log.append((registry) => registry.rollingBack(params.name, change(params)));
        await activateChampions(this);
        return log.registry.get(params.name);
      },
      ready: () => (isReady ? { ready: true } : { ready: false, reason: 'model-registry is still reading its log' }),
    },
    async started(this: Service) {
      await log.open();
      await registerSettings();
      await activateChampions(this);
      isReady = true;
    },
  };
}
