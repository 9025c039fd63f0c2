import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { isDeviceId } from '../../models/domain/identity.js';
import { OUTCOMES, type Outcome } from '../../models/domain/outcome.js';
import { quoteValue } from '../../models/domain/quote-value.js';
import { scoreView } from '../../models/domain/score-view.js';
import { NotFoundError, RequestInvalidError } from '../../models/errors.js';
import type { DeviceSummary, ScorePage } from '../../storage/read-side/read-side.js';
import type { NodeContext } from '../node-context.js';
import type { Explanation } from '../scorer/explain-device.js';
import { ClientGoneError } from './body.js';
import { cursor, integer, oneOf, readQuery, time } from './query.js';
import { sendJson } from './respond.js';
import type { Exchange, RouteDefinition } from './route.js';
import { deviceView } from './views.js';

const DEFAULT_DEVICES = 100;
const MOST_DEVICES = 1_000;
const DEFAULT_SCORES = 1_000;
const MOST_SCORES = 100_000;
/** "The latest" ends this long after now: clocks of devices may run ahead a little. */
const LATEST_AHEAD_MS = 300_000;
/** Rows that are turned into JSON in one go. */
const SLICE_ROWS = 500;

export function deviceRoutes({ storage: { readSide }, clock }: NodeContext): readonly RouteDefinition[] {
  /** @throws NotFoundError when no reading of this device has ever been accepted. */
  async function knownDevice({ params, principal }: Exchange): Promise<DeviceSummary> {
    const id = params['id'] ?? '';
    const device = isDeviceId(id) ? await readSide.device(principal.tenant, id) : undefined;
    if (device === undefined) throw new NotFoundError(`no device ${quoteValue(id)} is known`);
    return device;
  }

  return [
    {
      method: 'GET',
      path: '/v1/devices',
      access: 'control',
      async handle({ query, principal, response }) {
        const { limit, cursor: after } = readQuery(query, { limit: integer(1, MOST_DEVICES), cursor });
        const page = await readSide.devices(principal.tenant, {
          limit: limit ?? DEFAULT_DEVICES,
          ...(after !== undefined && { cursor: after }),
        });
        sendJson(response, 200, { devices: page.items.map(deviceView), next: page.next });
      },
    },
    {
      method: 'GET',
      path: '/v1/devices/:id',
      access: 'control',
      async handle(exchange) {
        readQuery(exchange.query, {});
        sendJson(exchange.response, 200, deviceView(await knownDevice(exchange)));
      },
    },
    {
      method: 'GET',
      path: '/v1/devices/:id/scores',
      access: 'control',
      async handle(exchange) {
        const {
          from,
          to,
          limit,
          cursor: after,
          outcome,
        } = readQuery(exchange.query, {
          from: time,
          to: time,
          limit: integer(1, MOST_SCORES),
          cursor,
          outcome: oneOf(OUTCOMES),
        });
        if (from !== undefined && to !== undefined && from > to)
          throw new RequestInvalidError('from must not be after to');
        if (after !== undefined && from === undefined) throw new RequestInvalidError('cursor must come with from');
        const { tenant, device } = await knownDevice(exchange);
        const page = await readSide.scores(tenant, device, {
          limit: limit ?? DEFAULT_SCORES,
          ...(from !== undefined && { fromMs: from }),
          // Readings from the far future are listed when asked for; they must not hide the latest ones.
          toMs: to ?? (from === undefined ? clock.wallMs() + LATEST_AHEAD_MS : Infinity),
          ...(after !== undefined && { cursor: after }),
        });
        await sendScores(exchange, page, outcome);
      },
    },
    {
      method: 'GET',
      path: '/v1/devices/:id/explain',
      access: 'control',
      async handle(exchange) {
        readQuery(exchange.query, {});
        const { tenant, device } = await knownDevice(exchange);
        const explanation = await exchange.call<Explanation>('scorer.explain', { tenant, device });
        sendJson(exchange.response, 200, { ...explanation, device: deviceView(explanation.device) });
      },
    },
  ];
}

/** A long page leaves in slices: 100,000 rows are some 40 MB of text, which nobody should wait for in one piece. */
async function sendScores({ response }: Exchange, page: ScorePage, outcome: Outcome | undefined): Promise<void> {
  response.writeHead(200, { 'Content-Type': 'application/json; charset=utf-8' });
  try {
    await pipeline(Readable.from(scoresText(page, outcome), { objectMode: false }), response);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_STREAM_PREMATURE_CLOSE') throw new ClientGoneError();
    throw error;
  }
}

function* scoresText({ batch, next, isOlderUnread }: ScorePage, outcome: Outcome | undefined): Generator<string> {
  let text = '{"scores":[';
  let separator = '';
  for (let i = 0; i < batch.length; i++) {
    const view = scoreView(batch, i);
    if (outcome === undefined || view.outcome === outcome) {
      text += separator + JSON.stringify(view);
      separator = ',';
    }
    if (i % SLICE_ROWS === SLICE_ROWS - 1) {
      yield text;
      text = '';
    }
  }
  const rest = JSON.stringify({ next, isOlderUnread }).slice(1);
  yield `${text}]${rest === '}' ? rest : `,${rest}`}`;
}
