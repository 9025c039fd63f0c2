/** The OpenAPI 3.1 document, made of the routes: what is checked and what is documented are the same. */
import type { TSchema } from '@sinclair/typebox';
import { ROLES, isAllowed, type Permission } from '../../models/security/permissions.js';
import { DEFAULT_TENANT } from '../../models/domain/identity.js';
import { packageVersion } from '../package-version.js';
import { TAGS, type Answer, type RouteDefinition } from './route.js';
import { Components, type Json } from './schema-components.js';
import { Problem } from './schemas/common.js';

const TAG_WORDS: Readonly<Record<(typeof TAGS)[number], string>> = {
  readings: 'Ways in. What is acknowledged is never lost and is scored once.',
  devices: 'What became of readings.',
  alerts: 'What is wrong now, and what people say of it.',
  live: 'While it happens.',
  predictions: 'Scores for rows that belong to no device.',
  models: 'How devices are looked at.',
  access: 'Keys, and who did what.',
  running: 'For operators and probes.',
  pages: 'For browsers.',
};

const PATH_PARAMETERS: Readonly<Record<string, string>> = {
  id: 'Id; percent-encode what is not a letter, digit or one of `_-.:@`',
  name: 'Name',
  version: 'Version, or an alias',
};

const PROBLEMS: Readonly<Record<number, string>> = {
  401: 'No key, or one that is not known',
  403: 'The key may not do this',
  429: 'Too many requests of this key; `Retry-After` says when to come again',
  503: 'Too much waits, or a part is away; `Retry-After` says when to come again. Nothing is promised, send it again',
};

/** @param routes pages are left out */
export function openApiDocument(routes: readonly RouteDefinition[]): Json {
  const components = new Components();
  const paths: Record<string, Record<string, Json>> = {};
  for (const route of routes) {
    if (route.tag === 'pages') continue;
    const path = route.path.replaceAll(/:([a-z]+)/g, '{$1}');
    (paths[path] ??= {})[route.method.toLowerCase()] = operationOf(route, components);
  }
  const used = new Set(routes.map(({ tag }) => tag));
  return {
    openapi: '3.1.0',
    info: {
      title: 'Redshank',
      version: packageVersion(),
      summary: 'Finds anomalies in the readings of sensors while they arrive',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    // Relative to where the document is: also behind a proxy.
    servers: [{ url: '/' }],
    tags: TAGS.filter((tag) => tag !== 'pages' && used.has(tag)).map((name) => ({
      name,
      description: TAG_WORDS[name],
    })),
    security: [{ key: [] }, { header: [] }],
    paths,
    components: {
      securitySchemes: {
        key: { type: 'http', scheme: 'bearer', description: 'An API key (`rsk_…`) or a JWT' },
        header: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
      },
      schemas: { Problem: components.of(Problem, true), ...components.all() },
    },
  };
}

function operationOf(route: RouteDefinition, components: Components): Json {
  const { method, path, summary, description, tag, may, query, headers = {}, body, raw, answers } = route;
  const parameters = [
    ...[...path.matchAll(/:([a-z]+)/g)].map(([, name = '']) => ({
      name,
      in: 'path',
      required: true,
      description: PATH_PARAMETERS[name],
      schema: { type: 'string', minLength: 1 },
    })),
    ...Object.entries(query === 'ignored' ? {} : query).map(([name, { schema }]) => {
      const { description: words, ...rest } = components.of(schema);
      return { name, in: 'query', description: words, schema: rest };
    }),
    ...Object.entries(headers).map(([name, words]) => ({
      name,
      in: 'header',
      description: words,
      schema: { type: 'string' },
    })),
  ];
  return {
    operationId: operationId(method, path),
    summary,
    description: [description, whoMay(may)].filter((words) => words !== undefined).join('\n\n'),
    tags: [tag],
    ...(may === 'anybody' ? { security: [] } : { 'x-permission': may }),
    ...(parameters.length > 0 && { parameters }),
    ...(body !== undefined && {
      requestBody: { required: isNeeded(body), content: { 'application/json': { schema: components.of(body) } } },
    }),
    ...(raw !== undefined && {
      requestBody: {
        required: true,
        ...(raw.description !== undefined && { description: raw.description }),
        content: Object.fromEntries(
          raw.mediaTypes.map((mediaType) => {
            const isJson = mediaType === 'application/json' && raw.schema !== undefined;
            const example = raw.examples?.[mediaType];
            return [
              mediaType,
              {
                schema: isJson ? components.of(raw.schema) : { type: 'string' },
                ...(example !== undefined && { example }),
              },
            ];
          }),
        ),
      },
    }),
    responses: {
      ...Object.fromEntries(
        Object.entries(answers).map(([status, answer]) => [status, responseOf(answer, components)]),
      ),
      ...(may !== 'anybody' &&
        Object.fromEntries(Object.entries(PROBLEMS).map(([status, words]) => [status, problem(words)]))),
      default: problem('What went wrong'),
    },
  };
}

function responseOf({ description, schema, mediaType, headers }: Answer, components: Components): Json {
  const isProblem = schema === Problem;
  const type = isProblem ? 'application/problem+json' : 'application/json';
  return {
    description,
    ...(headers !== undefined && {
      headers: Object.fromEntries(
        Object.entries(headers).map(([name, words]) => [name, { description: words, schema: { type: 'string' } }]),
      ),
    }),
    ...(schema !== undefined && { content: { [type]: { schema: components.of(schema) } } }),
    ...(mediaType !== undefined && {
      content: Object.fromEntries([mediaType].flat().map((type) => [type, { schema: { type: 'string' } }])),
    }),
  };
}

const problem = (description: string): Json => ({
  description,
  content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
});

/** `GET /v1/devices/:id/scores` → `getDevicesIdScores`. */
function operationId(method: string, path: string): string {
  const words = path.replace(/^\/v1/, '').split(/[^A-Za-z0-9]+/);
  return method.toLowerCase() + words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
}

function whoMay(may: Permission | 'anybody'): string {
  if (may === 'anybody') return 'Needs no key.';
  const roles = ROLES.filter((role) => isAllowed(role, DEFAULT_TENANT, may));
  const ofWhom = may.endsWith('-cluster') ? `, of the tenant \`${DEFAULT_TENANT}\`` : '';
  return `For keys of the role ${roles.map((role) => `\`${role}\``).join(', ')}${ofWhom}.`;
}

const isNeeded = (body: TSchema): boolean => ((body['required'] ?? []) as readonly string[]).length > 0;
