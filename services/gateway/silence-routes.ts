/** Times in which devices raise no alert. */
import { randomBytes } from 'node:crypto';
import type { AlertSilence } from '../../models/domain/alert-silence.js';
import { quoteValue } from '../../models/domain/quote-value.js';
import { formatTimestamp, parseTimestamp } from '../../models/domain/timestamp.js';
import { ConflictError, NotFoundError, RequestInvalidError } from '../../models/errors.js';
import type { NodeContext } from '../node-context.js';
import { sendJson } from './respond.js';
import { route, type Exchange, type RouteDefinition } from './route.js';
import { CreateSilence, Silence as SilenceSchema, SilenceList, type Silence } from './schemas/silence.js';
import { SilenceLog, type ListedSilence } from './silence-log.js';

const LONGEST_MS = 90 * 86_400_000;
/** Silences of a tenant that are not over. */
const MOST_OPEN = 200;

export function silenceRoutes({ storage, clock }: NodeContext): readonly RouteDefinition[] {
  const log = new SilenceLog(storage.journal);

  async function find({ params, principal }: Pick<Exchange, 'params' | 'principal'>): Promise<ListedSilence> {
    const id = params['id'] ?? '';
    const found = (await log.list(principal.tenant, clock.wallMs())).find((silence) => silence.id === id);
    if (found === undefined) throw new NotFoundError(`there is no silence ${quoteValue(id)}`);
    return found;
  }

  /** Into the log of every partition, between the readings: so a replay is silent at the same ones. */
  async function tell(call: Exchange['call'], command: object): Promise<void> {
    await call('ingest.broadcast', { command });
  }

  return [
    route({
      method: 'GET',
      path: '/v1/silences',
      summary: 'Silences, with those that ended in the last 30 days',
      tag: 'alerts',
      may: 'read',
      answers: { 200: { description: 'Oldest first', schema: SilenceList } },
      async handle({ principal, response }) {
        const nowMs = clock.wallMs();
        const silences = await log.list(principal.tenant, nowMs);
        sendJson(response, 200, { silences: silences.map((silence) => silenceView(silence, nowMs)) });
      },
    }),
    route({
      method: 'POST',
      path: '/v1/silences',
      summary: 'Let devices raise no alert for a while',
      description:
        'By the times of their readings. Detectors go on, and alerts that are open stay so; what is still strange afterwards raises an alert then.',
      tag: 'alerts',
      may: 'operate',
      body: CreateSilence,
      answers: { 201: { description: 'In force from its position in the log on', schema: SilenceSchema } },
      async handle({ fields, principal, call, response }) {
        const nowMs = clock.wallMs();
        const silence: AlertSilence = {
          id: `si_${randomBytes(10).toString('hex')}`,
          tenant: principal.tenant,
          devices: fields.devices,
          ...spanOf(fields, nowMs),
          by: principal.name,
          ...(fields.note !== undefined && { note: fields.note }),
        };
        const open = (await log.list(principal.tenant, nowMs)).filter(
          ({ state, untilMs }) => state !== 'ended' && untilMs > nowMs,
        );
        if (open.length >= MOST_OPEN)
          throw new ConflictError(`there must be at most ${MOST_OPEN} silences at once: end some`);
        const listed = { ...silence, createdMs: nowMs };
        // First written down, then told, then confirmed: none is ever in force that nobody can see.
        await log.write({ ...listed, state: 'asked' });
        await tell(call, { type: 'silence.set', silence, by: principal.name });
        await log.write({ ...listed, state: 'set' });
        sendJson(response, 201, silenceView({ ...listed, state: 'set' }, nowMs));
      },
    }),
    route({
      method: 'DELETE',
      path: '/v1/silences/:id',
      summary: 'End a silence before its time',
      tag: 'alerts',
      may: 'operate',
      answers: { 200: { description: 'Its devices raise alerts again', schema: SilenceSchema } },
      async handle(exchange) {
        const found = await find(exchange);
        await tell(exchange.call, { type: 'silence.end', id: found.id, by: exchange.principal.name });
        const ended: ListedSilence = { ...found, state: 'ended' };
        await log.write(ended);
        sendJson(exchange.response, 200, silenceView(ended, clock.wallMs()));
      },
    }),
  ];
}

function spanOf(
  { from, until }: { readonly from?: string; readonly until: string },
  nowMs: number,
): Pick<AlertSilence, 'fromMs' | 'untilMs'> {
  const fromMs = from === undefined ? nowMs : timeOf('from', from);
  const untilMs = timeOf('until', until);
  if (untilMs <= fromMs) throw new RequestInvalidError('until must come after from');
  if (untilMs <= nowMs) throw new RequestInvalidError('until must lie in the future');
  if (untilMs - nowMs > LONGEST_MS) throw new RequestInvalidError('until must be at most 90 days from now');
  return { fromMs, untilMs };
}

function timeOf(name: string, text: string): number {
  const timeMs = parseTimestamp(text);
  if (typeof timeMs === 'number') return timeMs;
  throw new RequestInvalidError(`${name} ${timeMs}`);
}

function silenceView(
  { id, devices, fromMs, untilMs, by, note, createdMs, state }: ListedSilence,
  nowMs: number,
): Silence {
  const now = nowMs >= untilMs ? 'over' : nowMs < fromMs ? 'waiting' : 'in-force';
  return {
    id,
    devices: [...devices],
    from: formatTimestamp(fromMs),
    until: formatTimestamp(untilMs),
    by,
    ...(note !== undefined && { note }),
    created: formatTimestamp(createdMs),
    state: state === 'set' ? now : state,
  };
}
