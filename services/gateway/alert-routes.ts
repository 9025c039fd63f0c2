import { Type } from '@sinclair/typebox';
import { ALERT_STATUSES, type Alert } from '../../models/domain/alert.js';
import { quoteValue } from '../../models/domain/quote-value.js';
import { NotFoundError } from '../../models/errors.js';
import type { NodeContext } from '../node-context.js';
import type { BodyReader } from './body.js';
import { cursor, deviceId, integer, oneOf, readQuery } from './query.js';
import { sendJson } from './respond.js';
import { readFields, type RouteDefinition } from './route.js';
import { alertView } from './views.js';

const DEFAULT_ALERTS = 100;
const MOST_ALERTS = 1_000;

const Note = Type.Optional(Type.String({ maxLength: 1_000 }));
const NoteOnly = Type.Object({ note: Note }, { additionalProperties: false });
const Feedback = Type.Object(
  { verdict: Type.Union([Type.Literal('anomaly'), Type.Literal('normal')]), note: Note },
  { additionalProperties: false },
);

export function alertRoutes({ storage: { readSide } }: NodeContext, bodies: BodyReader): readonly RouteDefinition[] {
  async function knownAlert(tenant: string, id: string): Promise<Alert> {
    const alert = id.length <= 256 ? await readSide.alert(tenant, id) : undefined;
    if (alert === undefined) throw new NotFoundError(`no alert ${quoteValue(id)} is known`);
    return alert;
  }

  /** A command to an alert; it answers with the alert as it is then. */
  const command = (path: string, action: string, schema: typeof NoteOnly | typeof Feedback): RouteDefinition => ({
    method: 'POST',
    path: `/v1/alerts/:id/${path}`,
    access: 'control',
    async handle(exchange) {
      readQuery(exchange.query, {});
      const { tenant, name } = exchange.principal;
      const fields = await readFields(bodies, exchange, schema);
      const { id } = await knownAlert(tenant, exchange.params['id'] ?? '');
      const alert = await exchange.call<Alert>(`alerting.${action}`, { tenant, id, by: name, ...fields });
      sendJson(exchange.response, 200, alertView(alert));
    },
  });

  return [
    {
      method: 'GET',
      path: '/v1/alerts',
      access: 'control',
      async handle({ query, principal, response }) {
        const {
          status,
          device,
          limit,
          cursor: after,
        } = readQuery(query, {
          status: oneOf(ALERT_STATUSES),
          device: deviceId,
          limit: integer(1, MOST_ALERTS),
          cursor,
        });
        const page = await readSide.alerts(principal.tenant, {
          limit: limit ?? DEFAULT_ALERTS,
          ...(status !== undefined && { status }),
          ...(device !== undefined && { device }),
          ...(after !== undefined && { cursor: after }),
        });
        sendJson(response, 200, { alerts: page.items.map(alertView), next: page.next });
      },
    },
    {
      method: 'GET',
      path: '/v1/alerts/:id',
      access: 'control',
      async handle({ query, params, principal, response }) {
        readQuery(query, {});
        sendJson(response, 200, alertView(await knownAlert(principal.tenant, params['id'] ?? '')));
      },
    },
    command('ack', 'acknowledge', NoteOnly),
    command('resolve', 'resolve', NoteOnly),
    command('feedback', 'feedback', Feedback),
  ];
}
