import { Type } from '@sinclair/typebox';
import { quoteValue } from '../../models/domain/quote-value.js';
import { parseTimestamp } from '../../models/domain/timestamp.js';
import { ModelNotFoundError, RequestInvalidError } from '../../models/errors.js';
import { ARCHITECTURES, decodeArtifact } from '../../models/neural/artifact.js';
import { isProfileName } from '../../models/profiles/profile.js';
import type { Model, ModelVersion, Training } from '../../models/registry/registry.js';
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
const Promote = Type.Object({ version: Version, note: Note }, { additionalProperties: false });
const Rollback = Type.Object({ note: Note }, { additionalProperties: false });
const Names = Type.Optional(
  Type.Array(Type.String({ minLength: 1, maxLength: 128 }), { minItems: 1, maxItems: 1_000 }),
);
const Train = Type.Object(
  {
    devices: Names,
    channels: Names,
    since: Type.Optional(Type.Union([Type.String({ maxLength: 64 }), Type.Number()])),
    architecture: Type.Optional(Type.Union(ARCHITECTURES.map((architecture) => Type.Literal(architecture)))),
    window: Type.Optional(Type.Integer({ minimum: 4, maximum: 256 })),
    latent: Type.Optional(Type.Integer({ minimum: 1, maximum: 256 })),
    epochs: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000 })),
    seed: Type.Optional(Type.Integer({ minimum: 0, maximum: 2_147_483_647 })),
    note: Note,
  },
  { additionalProperties: false },
);
/** As `redshank train` has them. */
const TRAINING = { architecture: 'dense', steps: 30, epochs: 50, seed: 1 } as const;

function timeOf(since: string | number): number {
  const timeMs = parseTimestamp(since);
  if (typeof timeMs === 'number') return timeMs;
  throw new RequestInvalidError(`since ${timeMs}`);
}

const VERSION = new RegExp(Version.pattern!);

const BINARY = 'application/octet-stream';

/** @param artifacts where trained models are stored */
export function modelRoutes(bodies: BodyReader, artifacts: Blobs): readonly RouteDefinition[] {
  const get = (path: string): RouteDefinition => ({
    method: 'GET',
    path,
    access: 'control',
    async handle(exchange) {
      readQuery(exchange.query, {});
      const name = nameOf(exchange);
      const version = exchange.params['version'] === undefined ? undefined : versionOf(exchange, name);
      if (version === undefined) {
        const model = await exchange.call<Model>('model-registry.get', { name });
        sendJson(exchange.response, 200, modelView(model));
        return;
      }
      const one = await exchange.call<ModelVersion>('model-registry.get', { name, version });
      sendJson(exchange.response, 200, versionView(one));
    },
  });

  const command = (verb: 'promote' | 'rollback', schema: typeof Promote | typeof Rollback): RouteDefinition => ({
    method: 'POST',
    path: `/v1/models/:name/${verb}`,
    access: 'control',
    async handle(exchange) {
      readQuery(exchange.query, {});
      const name = nameOf(exchange);
      const fields = await readFields(bodies, exchange, schema);
      const by = exchange.principal.name;
      const model = await exchange.call<Model>(`model-registry.${verb}`, { name, by, ...fields });
      sendJson(exchange.response, 200, modelView(model));
    },
  });

  return [
    {
      method: 'GET',
      path: '/v1/models',
      access: 'control',
      async handle(exchange) {
        readQuery(exchange.query, {});
        const models = await exchange.call<Model[]>('model-registry.list', {});
        sendJson(exchange.response, 200, { models: models.map(modelView) });
      },
    },
    {
      method: 'POST',
      path: '/v1/models',
      access: 'control',
      async handle(exchange) {
        readQuery(exchange.query, {});
        const fields = await readFields(bodies, exchange, Register);
        const by = exchange.principal.name;
        const model = await exchange.call<ModelVersion>('model-registry.register', { by, ...fields });
        const location = `/v1/models/${encodeURIComponent(fields.name)}`;
        sendJson(exchange.response, 201, versionView(model), { Location: location });
      },
    },
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
    {
      method: 'GET',
      path: '/v1/models/:name/versions/:version/artifact',
      access: 'control',
      async handle(exchange) {
        readQuery(exchange.query, {});
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
      },
    },
    {
      method: 'POST',
      path: '/v1/models/:name/train',
      access: 'control',
      async handle(exchange) {
        readQuery(exchange.query, {});
        const name = nameOf(exchange);
        const { since, window, ...wish } = await readFields(bodies, exchange, Train);
        const { tenant, name: by } = exchange.principal;
        const params = { ...TRAINING, ...wish, name, tenant, by, ...(window !== undefined && { steps: window }) };
        const sinceMs = since === undefined ? 0 : timeOf(since);
        const training = await exchange.call<Training>('model-registry.train', { ...params, sinceMs });
        const location = `/v1/models/${encodeURIComponent(name)}/trainings/${training.id}`;
        sendJson(exchange.response, 202, trainingView(training), { Location: location });
      },
    },
    {
      method: 'GET',
      path: '/v1/models/:name/trainings',
      access: 'control',
      async handle(exchange) {
        readQuery(exchange.query, {});
        const trainings = await exchange.call<Training[]>('model-registry.trainings', { name: nameOf(exchange) });
        sendJson(exchange.response, 200, { trainings: trainings.map(trainingView) });
      },
    },
    {
      method: 'GET',
      path: '/v1/models/:name/trainings/:id',
      access: 'control',
      async handle(exchange) {
        readQuery(exchange.query, {});
        const name = nameOf(exchange);
        const id = exchange.params['id'] ?? '';
        if (!VERSION.test(id)) throw new ModelNotFoundError(`${name} has no training ${quoteValue(id)}`);
        const [training] = await exchange.call<Training[]>('model-registry.trainings', { name, id });
        sendJson(exchange.response, 200, trainingView(training!));
      },
    },
    get('/v1/models/:name'),
    get('/v1/models/:name/versions/:version'),
    command('promote', Promote),
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
