import { Type } from '@sinclair/typebox';
import { quoteValue } from '../../models/domain/quote-value.js';
import { ModelNotFoundError } from '../../models/errors.js';
import { isProfileName } from '../../models/profiles/profile.js';
import type { BodyReader } from './body.js';
import { readQuery } from './query.js';
import { sendJson } from './respond.js';
import { readFields, type Exchange, type RouteDefinition } from './route.js';

const Note = Type.Optional(Type.String({ maxLength: 1_000 }));
const Version = Type.String({ pattern: '^[A-Za-z0-9._-]{1,64}$' });
const Register = Type.Object(
  { name: Type.String({ maxLength: 63 }), definition: Type.Unknown(), note: Note },
  { additionalProperties: false },
);
const Promote = Type.Object({ version: Version, note: Note }, { additionalProperties: false });
const Rollback = Type.Object({ note: Note }, { additionalProperties: false });
const VERSION = new RegExp(Version.pattern!);

/** What the registry answers is shown as it is: it is made for people there. */
export function modelRoutes(bodies: BodyReader): readonly RouteDefinition[] {
  const get = (path: string): RouteDefinition => ({
    method: 'GET',
    path,
    access: 'control',
    async handle(exchange) {
      readQuery(exchange.query, {});
      const name = nameOf(exchange);
      const { version } = exchange.params;
      if (version !== undefined && !VERSION.test(version)) {
        throw new ModelNotFoundError(`model ${name} has no version ${quoteValue(version)}`);
      }
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
    get('/v1/models/:name'),
    get('/v1/models/:name/versions/:version'),
    command('promote', Promote),
    command('rollback', Rollback),
  ];
}

function nameOf({ params }: Exchange): string {
  const name = params['name'] ?? '';
  if (!isProfileName(name)) throw new ModelNotFoundError(`no model ${quoteValue(name)} is known`);
  return name;
}
