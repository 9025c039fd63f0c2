import { ALERT_STATUSES, type Alert } from '../../models/domain/alert.js';
import { quoteValue } from '../../models/domain/quote-value.js';
import { NotFoundError } from '../../models/errors.js';
import type { NodeContext } from '../node-context.js';
import { cursor, deviceId, integer, oneOf } from './query.js';
import { sendJson } from './respond.js';
import { route, type RouteDefinition } from './route.js';
import { Alert as AlertSchema, AlertPage, Feedback, NoteOnly } from './schemas/alert.js';
import { alertView } from './views.js';

const DEFAULT_ALERTS = 100;
const MOST_ALERTS = 1_000;

export function alertRoutes({ storage: { readSide } }: NodeContext): readonly RouteDefinition[] {
  async function knownAlert(tenant: string, id: string): Promise<Alert> {
    const alert = id.length <= 256 ? await readSide.alert(tenant, id) : undefined;
    if (alert === undefined) throw new NotFoundError(`no alert ${quoteValue(id)} is known`);
    return alert;
  }

  /** A command to an alert; it answers with the alert as it is then. */
  const command = (
    path: string,
    action: string,
    body: typeof NoteOnly | typeof Feedback,
    summary: string,
  ): RouteDefinition =>
    route({
      method: 'POST',
      path: `/v1/alerts/:id/${path}`,
      summary,
      tag: 'alerts',
      may: 'operate',
      body,
      answers: { 200: { description: 'The alert as it is now', schema: AlertSchema } },
      async handle({ fields, params, principal: { tenant, name }, call, response }) {
        const { id } = await knownAlert(tenant, params['id'] ?? '');
        const alert = await call<Alert>(`alerting.${action}`, { tenant, id, by: name, ...fields });
        sendJson(response, 200, alertView(alert));
      },
    });

  return [
    route({
      method: 'GET',
      path: '/v1/alerts',
      summary: 'Alerts, newest first',
      tag: 'alerts',
      may: 'read',
      query: {
        status: oneOf(ALERT_STATUSES, 'Only those in this state'),
        device: deviceId,
        limit: integer(1, MOST_ALERTS, `Most alerts of a page (default ${DEFAULT_ALERTS})`),
        cursor,
      },
      answers: { 200: { description: 'A page of alerts', schema: AlertPage } },
      async handle({ query: { status, device, limit, cursor: after }, principal, response }) {
        const page = await readSide.alerts(principal.tenant, {
          limit: limit ?? DEFAULT_ALERTS,
          ...(status !== undefined && { status }),
          ...(device !== undefined && { device }),
          ...(after !== undefined && { cursor: after }),
        });
        sendJson(response, 200, { alerts: page.items.map(alertView), next: page.next });
      },
    }),
    route({
      method: 'GET',
      path: '/v1/alerts/:id',
      summary: 'One alert, with its history',
      tag: 'alerts',
      may: 'read',
      answers: { 200: { description: 'The alert', schema: AlertSchema } },
      async handle({ params, principal, response }) {
        sendJson(response, 200, alertView(await knownAlert(principal.tenant, params['id'] ?? '')));
      },
    }),
    command('ack', 'acknowledge', NoteOnly, 'Somebody looks after it'),
    command('resolve', 'resolve', NoteOnly, 'It is over'),
    command('feedback', 'feedback', Feedback, 'Was it one? `normal` resolves it and teaches the device’s detectors'),
  ];
}
