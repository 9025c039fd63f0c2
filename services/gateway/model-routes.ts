import { Type, type TSchema } from '@sinclair/typebox';
import { quoteValue } from '../../models/domain/quote-value.js';
import { parseTimestamp } from '../../models/domain/timestamp.js';
import { ModelNotFoundError, RequestInvalidError } from '../../models/errors.js';
import { decodeArtifact } from '../../models/neural/artifact.js';
import { TRAINING_DEFAULTS, TRAINING_FIELDS } from '../../models/neural/training-wish.js';
import { isProfileName } from '../../models/profiles/profile.js';
import type { Model, ModelVersion, Training } from '../../models/registry/registry.js';
import type { TrainingStatus } from '../model-registry.service.js';
import type { Blobs } from '../../storage/blobs/blobs.js';
import { requireMediaType, type BodyReader } from './body.js';
import { readQuery, words } from './query.js';
import { sendJson } from './respond.js';
import { modelView, trainingView, versionView } from './model-views.js';
import { readFields, type Exchange, type RouteDefinition } from './route.js';

const MOST_NOTE = 1_000;
const Note = Type.Optional(Type.String({ maxLength: MOST_NOTE }));
const Version = Type.String({ pattern: '^[A-Za-z0-9._-]{1,64}$' });
const Register = Type.Object(
  { name: Type.String({ maxLength: 63 }), definition: Type.Unknown(), note: Note },
  { additionalProperties: false },
);
const Promote = Type.Object(
  { version: Version, champion: Type.Optional(Version), note: Note },
  { additionalProperties: false },
);
const Challenge = Type.Object({ version: Version, note: Note }, { additionalProperties: false });
const Rollback = Type.Object({ note: Note }, { additionalProperties: false });
const Train = Type.Object(
  {
    devices: Type.Optional(TRAINING_FIELDS.devices),
    channels: Type.Optional(TRAINING_FIELDS.channels),
    since: Type.Optional(Type.Union([Type.String({ maxLength: 64 }), Type.Number()])),
    architecture: Type.Optional(TRAINING_FIELDS.architecture),
    window: Type.Optional(TRAINING_FIELDS.steps),
    latent: Type.Optional(TRAINING_FIELDS.latent),
    epochs: Type.Optional(TRAINING_FIELDS.epochs),
    seed: Type.Optional(TRAINING_FIELDS.seed),
    note: Note,
  },
  { additionalProperties: false },
);

function timeOf(since: string | number): number {
  const timeMs = parseTimestamp(since);
  if (typeof timeMs === 'number') return timeMs;
  throw new RequestInvalidError(`since ${timeMs}`);
}

const VERSION = new RegExp(Version.pattern!);

const BINARY = 'application/octet-stream';

/** @param artifacts where trained models are stored */
export function modelRoutes(bodies: BodyReader, artifacts: Blobs): readonly RouteDefinition[] {
  /** A route without query parameters, for people. */
  const route = (
    method: RouteDefinition['method'],
    path: string,
    answer: (exchange: Exchange) => Promise<void>,
  ): RouteDefinition => ({
    method,
    path,
    access: 'control',
    async handle(exchange) {
      readQuery(exchange.query, {});
      await answer(exchange);
    },
  });

  const command = (verb: 'promote' | 'challenge' | 'rollback', schema: TSchema): RouteDefinition =>
    route('POST', `/v1/models/:name/${verb}`, async (exchange) => {
      const name = nameOf(exchange);
      const fields = (await readFields(bodies, exchange, schema)) as object;
      const by = exchange.principal.name;
      const model = await exchange.call<Model>(`model-registry.${verb}`, { name, by, ...fields });
      sendJson(exchange.response, 200, modelView(model));
    });

  return [
    route('GET', '/v1/models', async ({ call, response }) => {
      const models = await call<Model[]>('model-registry.list', {});
      sendJson(response, 200, { models: models.map(modelView) });
    }),
    route('POST', '/v1/models', async (exchange) => {
      const fields = await readFields(bodies, exchange, Register);
      const by = exchange.principal.name;
      const model = await exchange.call<ModelVersion>('model-registry.register', { by, ...fields });
      const location = `/v1/models/${encodeURIComponent(fields.name)}`;
      sendJson(exchange.response, 201, versionView(model), { Location: location });
    }),
    route('GET', '/v1/models/:name', async (exchange) => {
      const model = await exchange.call<Model>('model-registry.get', { name: nameOf(exchange) });
      sendJson(exchange.response, 200, modelView(model));
    }),
    route('GET', '/v1/models/:name/versions/:version', async (exchange) => {
      const name = nameOf(exchange);
      const version = versionOf(exchange, name);
      const one = await exchange.call<ModelVersion>('model-registry.get', { name, version });
      sendJson(exchange.response, 200, versionView(one));
    }),
    {
      method: 'POST',
      path: '/v1/models/:name/artifact',
      access: 'control',
      async handle(exchange) {
        const { note } = readQuery(exchange.query, { note: words(MOST_NOTE) });
        const name = nameOf(exchange);
        requireMediaType(exchange.request, [BINARY]);
        const artifact = await bodies.read(exchange.request, async (body) => {
          // Nothing is stored that is no model.
          const { version } = decodeArtifact(body);
          await artifacts.put(version, body);
          return version;
        });
        const by = exchange.principal.name;
        const model = await exchange.call<ModelVersion>('model-registry.attach', { name, artifact, by, note });
        const location = `/v1/models/${encodeURIComponent(name)}/versions/${model.version}`;
        sendJson(exchange.response, 201, versionView(model), { Location: location });
      },
    },
    route('GET', '/v1/models/:name/versions/:version/artifact', async (exchange) => {
      const name = nameOf(exchange);
      const version = versionOf(exchange, name);
      const { definition } = await exchange.call<ModelVersion>('model-registry.get', { name, version });
      const { model } = definition.detection;
      const bytes = model === undefined ? undefined : await artifacts.get(model);
      if (bytes === undefined) throw new ModelNotFoundError(`version ${version} of ${name} has no trained model`);
      const { response } = exchange;
      response.writeHead(200, {
        'Content-Type': BINARY,
        'Content-Length': bytes.length,
        'Content-Disposition': `attachment; filename="${name}.model"`,
      });
      response.end(bytes);
    }),
    route('POST', '/v1/models/:name/train', async (exchange) => {
      const name = nameOf(exchange);
      const { since, window, ...wish } = await readFields(bodies, exchange, Train);
      const { tenant, name: by } = exchange.principal;
      const params = {
        ...TRAINING_DEFAULTS,
        ...wish,
        name,
        tenant,
        by,
        ...(window !== undefined && { steps: window }),
      };
      const sinceMs = since === undefined ? 0 : timeOf(since);
      const training = await exchange.call<Training>('model-registry.train', { ...params, sinceMs });
      const location = `/v1/models/${encodeURIComponent(name)}/trainings/${training.id}`;
      sendJson(exchange.response, 202, trainingView(training), { Location: location });
    }),
    route('GET', '/v1/models/:name/trainings', async (exchange) => {
      const trainings = await exchange.call<TrainingStatus[]>('model-registry.trainings', { name: nameOf(exchange) });
      sendJson(exchange.response, 200, { trainings: trainings.map(trainingView) });
    }),
    route('GET', '/v1/models/:name/trainings/:id', async (exchange) => {
      const name = nameOf(exchange);
      const id = exchange.params['id'] ?? '';
      if (!VERSION.test(id)) throw new ModelNotFoundError(`${name} has no training ${quoteValue(id)}`);
      const [training] = await exchange.call<TrainingStatus[]>('model-registry.trainings', { name, id });
      sendJson(exchange.response, 200, trainingView(training!));
    }),
    command('promote', Promote),
    command('challenge', Challenge),
    command('rollback', Rollback),
  ];
}

function versionOf({ params }: Exchange, name: string): string {
  const version = params['version'] ?? '';
  if (!VERSION.test(version)) throw new ModelNotFoundError(`model ${name} has no version ${quoteValue(version)}`);
  return version;
}

function nameOf({ params }: Exchange): string {
  const name = params['name'] ?? '';
  if (!isProfileName(name)) throw new ModelNotFoundError(`no model ${quoteValue(name)} is known`);
  return name;
}
