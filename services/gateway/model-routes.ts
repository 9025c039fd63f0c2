import type { TSchema } from '@sinclair/typebox';
import { quoteValue } from '../../models/domain/quote-value.js';
import { parseTimestamp } from '../../models/domain/timestamp.js';
import { ModelNotFoundError, RequestInvalidError } from '../../models/errors.js';
import { decodeArtifact } from '../../models/neural/artifact.js';
import { TRAINING_DEFAULTS } from '../../models/neural/training-wish.js';
import { isProfileName } from '../../models/profiles/profile.js';
import type { Model, ModelVersion, Training } from '../../models/registry/registry.js';
import type { DriftReport } from '../model-registry/drift-watch.js';
import type { TrainingStatus } from '../model-registry.service.js';
import type { Blobs } from '../../storage/blobs/blobs.js';
import { requireMediaType, type BodyReader } from './body.js';
import { deviceId, words } from './query.js';
import { sendJson } from './respond.js';
import { driftView, modelView, trainingView, versionView } from './model-views.js';
import { route, type Exchange, type RouteDefinition } from './route.js';
import {
  Challenge,
  Drift as DriftSchema,
  Model as ModelSchema,
  ModelList,
  ModelVersion as ModelVersionSchema,
  Promote,
  Register,
  Rollback,
  Train,
  Training as TrainingSchema,
  TrainingList,
  Version,
} from './schemas/model.js';

const MOST_NOTE = 1_000;

function timeOf(since: string | number): number {
  const timeMs = parseTimestamp(since);
  if (typeof timeMs === 'number') return timeMs;
  throw new RequestInvalidError(`since ${timeMs}`);
}

const VERSION = new RegExp(Version.pattern!);

const BINARY = 'application/octet-stream';
const LOCATION = { Location: 'Where it is' };

/** @param artifacts where trained models are stored */
export function modelRoutes(bodies: BodyReader, artifacts: Blobs): readonly RouteDefinition[] {
  const look = { method: 'GET', tag: 'models', may: 'read-cluster' } as const;
  const change = { method: 'POST', tag: 'models', may: 'operate-cluster' } as const;

  const command = (
    verb: 'promote' | 'challenge' | 'rollback',
    body: TSchema,
    summary: string,
    description: string,
  ): RouteDefinition =>
    route({
      ...change,
      path: `/v1/models/:name/${verb}`,
      summary,
      description,
      body,
      answers: { 200: { description: 'The model as it is now', schema: ModelSchema } },
      async handle({ params, fields, principal, call, response }) {
        const model = await call<Model>(`model-registry.${verb}`, {
          name: nameOf(params),
          by: principal.name,
          ...(fields as object),
        });
        sendJson(response, 200, modelView(model));
      },
    });

  return [
    route({
      ...look,
      path: '/v1/models',
      summary: 'All models, with their versions',
      answers: { 200: { description: 'The models', schema: ModelList } },
      async handle({ call, response }) {
        const models = await call<Model[]>('model-registry.list', {});
        sendJson(response, 200, { models: models.map(modelView) });
      },
    }),
    route({
      ...change,
      path: '/v1/models',
      summary: 'Register a version of a profile',
      body: Register,
      answers: { 201: { description: 'The version', schema: ModelVersionSchema, headers: LOCATION } },
      async handle({ fields, principal, call, response }) {
        const model = await call<ModelVersion>('model-registry.register', { by: principal.name, ...fields });
        const location = `/v1/models/${encodeURIComponent(fields.name)}`;
        sendJson(response, 201, versionView(model), { Location: location });
      },
    }),
    route({
      ...look,
      path: '/v1/models/:name',
      summary: 'Versions of a model, its champion, its history',
      answers: { 200: { description: 'The model', schema: ModelSchema } },
      async handle({ params, call, response }) {
        const model = await call<Model>('model-registry.get', { name: nameOf(params) });
        sendJson(response, 200, modelView(model));
      },
    }),
    route({
      ...look,
      path: '/v1/models/:name/versions/:version',
      summary: 'One version',
      answers: { 200: { description: 'The version', schema: ModelVersionSchema } },
      async handle({ params, call, response }) {
        const name = nameOf(params);
        const version = versionOf(params, name);
        const one = await call<ModelVersion>('model-registry.get', { name, version });
        sendJson(response, 200, versionView(one));
      },
    }),
    route({
      ...change,
      path: '/v1/models/:name/artifact',
      summary: 'Register the champion with a trained network',
      description: 'The body is a file that `redshank train` wrote; nothing in it is run.',
      query: { note: words(MOST_NOTE, 'Why') },
      raw: { mediaTypes: [BINARY] },
      answers: { 201: { description: 'The version', schema: ModelVersionSchema, headers: LOCATION } },
      async handle({ request, params, query: { note }, principal, call, response }) {
        const name = nameOf(params);
        requireMediaType(request, [BINARY]);
        // A profile that is not there keeps no artifact.
        await call<Model>('model-registry.get', { name });
        const artifact = await bodies.read(request, async (body) => {
          // Nothing is stored that is no model.
          const { version } = decodeArtifact(body);
          await artifacts.put(version, body);
          return version;
        });
        const by = principal.name;
        const model = await call<ModelVersion>('model-registry.attach', { name, artifact, by, note });
        const location = `/v1/models/${encodeURIComponent(name)}/versions/${model.version}`;
        sendJson(response, 201, versionView(model), { Location: location });
      },
    }),
    route({
      ...look,
      path: '/v1/models/:name/versions/:version/artifact',
      summary: 'The trained network of a version',
      answers: { 200: { description: 'The file', mediaType: BINARY } },
      async handle({ params, call, response }) {
        const name = nameOf(params);
        const version = versionOf(params, name);
        const { definition } = await call<ModelVersion>('model-registry.get', { name, version });
        const { model } = definition.detection;
        const bytes = model === undefined ? undefined : await artifacts.get(model);
        if (bytes === undefined) throw new ModelNotFoundError(`version ${version} of ${name} has no trained model`);
        response.writeHead(200, {
          'Content-Type': BINARY,
          'Content-Length': bytes.length,
          'Content-Disposition': `attachment; filename="${name}.model"`,
        });
        response.end(bytes);
      },
    }),
    route({
      ...change,
      path: '/v1/models/:name/train',
      summary: 'Train a network on what the server has recorded',
      description: 'What comes of it is a version and the challenger, not yet in force.',
      body: Train,
      answers: { 202: { description: 'It has begun', schema: TrainingSchema, headers: LOCATION } },
      async handle({ params, fields: { since, window, ...wish }, principal: { tenant, name: by }, call, response }) {
        const name = nameOf(params);
        const training = await call<Training>('model-registry.train', {
          ...TRAINING_DEFAULTS,
          ...wish,
          name,
          tenant,
          by,
          ...(window !== undefined && { steps: window }),
          sinceMs: since === undefined ? 0 : timeOf(since),
        });
        const location = `/v1/models/${encodeURIComponent(name)}/trainings/${training.id}`;
        sendJson(response, 202, trainingView(training), { Location: location });
      },
    }),
    route({
      ...look,
      path: '/v1/models/:name/trainings',
      summary: 'The latest trainings of a model',
      answers: { 200: { description: 'Oldest first', schema: TrainingList } },
      async handle({ params, call, response }) {
        const trainings = await call<TrainingStatus[]>('model-registry.trainings', { name: nameOf(params) });
        sendJson(response, 200, { trainings: trainings.map(trainingView) });
      },
    }),
    route({
      ...look,
      path: '/v1/models/:name/trainings/:id',
      summary: 'How far a training is, or how it ended',
      answers: { 200: { description: 'The training', schema: TrainingSchema } },
      async handle({ params, call, response }) {
        const name = nameOf(params);
        const id = params['id'] ?? '';
        if (!VERSION.test(id)) throw new ModelNotFoundError(`${name} has no training ${quoteValue(id)}`);
        const [training] = await call<TrainingStatus[]>('model-registry.trainings', { name, id });
        sendJson(response, 200, trainingView(training!));
      },
    }),
    route({
      ...look,
      path: '/v1/models/:name/drift',
      summary: 'Whether devices are still those that the trained model came into force for',
      description:
        'Compares what was recorded then with what was recorded of late, of one device or of twenty. `suggestion` says what to do.',
      query: { device: deviceId },
      answers: { 200: { description: 'By device, and what to do', schema: DriftSchema } },
      async handle({ params, query: { device }, principal: { tenant }, call, response }) {
        const asked = { name: nameOf(params), tenant, ...(device !== undefined && { device }) };
        sendJson(response, 200, driftView(await call<DriftReport>('model-registry.drift', asked)));
      },
    }),
    command(
      'promote',
      Promote,
      'Bring a version into force',
      'Devices of the profile are treated by it from a defined position of the log on. `version` may be `challenger`.',
    ),
    command('challenge', Challenge, 'Name the challenger', 'Nothing comes into force.'),
    command('rollback', Rollback, 'Bring the champion before back into force', '409 where there is none.'),
  ];
}

function versionOf(params: Exchange['params'], name: string): string {
  const version = params['version'] ?? '';
  if (!VERSION.test(version)) throw new ModelNotFoundError(`model ${name} has no version ${quoteValue(version)}`);
  return version;
}

function nameOf(params: Exchange['params']): string {
  const name = params['name'] ?? '';
  if (!isProfileName(name)) throw new ModelNotFoundError(`no model ${quoteValue(name)} is known`);
  return name;
}
