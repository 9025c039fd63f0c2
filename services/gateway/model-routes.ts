import { Type } from '@sinclair/typebox';
import { quoteValue } from '../../models/domain/quote-value.js';
import { ModelNotFoundError } from '../../models/errors.js';
import { decodeArtifact } from '../../models/neural/artifact.js';
import { isProfileName } from '../../models/profiles/profile.js';
import type { ModelVersion } from '../../models/registry/registry.js';
import type { Blobs } from '../../storage/blobs/blobs.js';
import { requireMediaType, type BodyReader } from './body.js';
import { readQuery, words } from './query.js';
import { sendJson } from './respond.js';
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
const VERSION = new RegExp(Version.pattern!);

const BINARY = 'application/octet-stream';

/**
 * What the registry answers is shown as it is: it is made for people there.
 *
 * @param artifacts where trained models are stored
 */
export function modelRoutes(bodies: BodyReader, artifacts: Blobs): readonly RouteDefinition[] {
  const get = (path: string): RouteDefinition => ({
    method: 'GET',
    path,
    access: 'control',
    async handle(exchange) {
      readQuery(exchange.query, {});
      const name = nameOf(exchange);
      const version = exchange.params['version'] === undefined ? undefined : versionOf(exchange, name);
      const model = await exchange.call('model-registry.get', { name, ...(version !== undefined && { version }) });
      sendJson(exchange.response, 200, model);
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
      const model = await exchange.call(`model-registry.${verb}`, { name, by: exchange.principal.name, ...fields });
      sendJson(exchange.response, 200, model ?? {});
    },
  });

  return [
    {
      method: 'GET',
      path: '/v1/models',
      access: 'control',
      async handle(exchange) {
        readQuery(exchange.query, {});
        const models = await exchange.call('model-registry.list', {});
        sendJson(exchange.response, 200, Array.isArray(models) ? { models } : models);
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
        const model = await exchange.call('model-registry.register', { by, ...fields });
        const location = `/v1/models/${encodeURIComponent(fields.name)}`;
        sendJson(exchange.response, 201, model ?? {}, { Location: location });
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
        sendJson(exchange.response, 201, model, { Location: location });
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
