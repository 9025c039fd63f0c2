import { finished } from 'node:stream/promises';
import { isDeviceId } from '../../models/domain/identity.js';
import { OUTCOMES, type Outcome } from '../../models/domain/outcome.js';
import { quoteValue } from '../../models/domain/quote-value.js';
import { scoreView } from '../../models/domain/score-view.js';
import { NotFoundError, RequestInvalidError } from '../../models/errors.js';
import type { DeviceSummary, ScorePage } from '../../storage/read-side/read-side.js';
import type { NodeContext } from '../node-context.js';
import type { Explanation } from '../scorer/explain-device.js';
import { LongReads } from './long-reads.js';
import { forgetDevice, whatRemains } from './forget-device.js';
import { cursor, integer, oneOf, time } from './query.js';
import { send, sendJson, sendStream } from './respond.js';
import { route, type Exchange, type RouteDefinition } from './route.js';
import { Device, DevicePage, Explanation as ExplanationSchema, ForgottenDevice } from './schemas/device.js';
import { ScorePage as ScorePageSchema } from './schemas/score.js';
import { csvText, EXPORT_FORMATS, EXPORT_MEDIA_TYPES, ndjsonText, parquetBytes } from './score-export.js';
import { deviceView } from './views.js';

const DEFAULT_DEVICES = 100;
const MOST_DEVICES = 1_000;
const DEFAULT_SCORES = 1_000;
const MOST_SCORES = 100_000;
/** "The latest" ends this long after now: clocks of devices may run ahead a little. */
const LATEST_AHEAD_MS = 300_000;
/** Rows that are turned into JSON in one go. */
const SLICE_ROWS = 500;
/** A page beyond this is held in memory for long enough to count. */
const LONG_ROWS = 5_000;

export function deviceRoutes({
  storage: { readSide, mode },
  clock,
  settings,
}: NodeContext): readonly RouteDefinition[] {
  const longReads = new LongReads();

  /** @throws NotFoundError when no reading of this device has ever been accepted. */
  async function knownDevice({ params, principal }: Pick<Exchange, 'params' | 'principal'>): Promise<DeviceSummary> {
    const id = params['id'] ?? '';
    const device = isDeviceId(id) ? await readSide.device(principal.tenant, id) : undefined;
    if (device === undefined) throw new NotFoundError(`no device ${quoteValue(id)} is known`);
    return device;
  }

  return [
    route({
      method: 'GET',
      path: '/v1/devices',
      summary: 'Devices by id, with their state',
      tag: 'devices',
      may: 'read',
      query: { limit: integer(1, MOST_DEVICES, `Most devices of a page (default ${DEFAULT_DEVICES})`), cursor },
      answers: { 200: { description: 'A page of devices', schema: DevicePage } },
      async handle({ query: { limit, cursor: after }, principal, response }) {
        const page = await readSide.devices(principal.tenant, {
          limit: limit ?? DEFAULT_DEVICES,
          ...(after !== undefined && { cursor: after }),
        });
        sendJson(response, 200, { devices: page.items.map(deviceView), next: page.next });
      },
    }),
    route({
      method: 'GET',
      path: '/v1/devices/:id',
      summary: 'State of a device: phase and progress, last seen, profile, model, open alerts',
      tag: 'devices',
      may: 'read',
      answers: { 200: { description: 'The device', schema: Device } },
      async handle(exchange) {
        sendJson(exchange.response, 200, deviceView(await knownDevice(exchange)));
      },
    }),
    route({
      method: 'DELETE',
      path: '/v1/devices/:id',
      summary: 'Forget a device: state, history and alerts',
      description:
        'Behind all that it has sent. Answers when nothing of it is shown any more; what it sends afterwards is of a new device. Also for one that is not known here: parts of it may be.',
      tag: 'devices',
      may: 'administer',
      answers: {
        200: { description: 'Nothing of it is shown any more', schema: ForgottenDevice },
        202: { description: 'It is in the log and will take effect', schema: ForgottenDevice },
      },
      async handle({ params, principal: { tenant, name }, call, response }) {
        const device = params['id'] ?? '';
        if (!isDeviceId(device)) throw new NotFoundError(`no device ${quoteValue(device)} is known`);
        const isGone = await forgetDevice({ readSide, clock }, call, tenant, device, name);
        const remains = whatRemains(settings, mode, clock.wallMs());
        sendJson(response, isGone ? 200 : 202, { device, state: isGone ? 'forgotten' : 'asked', remains });
      },
    }),
    route({
      method: 'GET',
      path: '/v1/devices/:id/scores',
      summary: 'Scores of a device, oldest first',
      description:
        'With `from`: the first `limit` from there on, and `next` while there are more. Without: the latest `limit`.',
      tag: 'devices',
      may: 'read',
      query: {
        from: time('First time'),
        to: time('Last time'),
        limit: integer(1, MOST_SCORES, `Most scores (default ${DEFAULT_SCORES})`),
        cursor,
        outcome: oneOf(OUTCOMES, 'Only rows with this outcome'),
      },
      answers: { 200: { description: 'A page of scores', schema: ScorePageSchema } },
      async handle(exchange) {
        const { from, to, limit, cursor: after, outcome } = exchange.query;
        if (from !== undefined && to !== undefined && from > to)
          throw new RequestInvalidError('from must not be after to');
        if (after !== undefined && from === undefined) throw new RequestInvalidError('cursor must come with from');
        const { tenant, device } = await knownDevice(exchange);
        const query = {
          limit: limit ?? DEFAULT_SCORES,
          ...(from !== undefined && { fromMs: from }),
          // Readings from the far future are listed when asked for; they must not hide the latest ones.
          toMs: to ?? (from === undefined ? clock.wallMs() + LATEST_AHEAD_MS : Infinity),
          ...(after !== undefined && { cursor: after }),
        };
        const answer = async (): Promise<void> =>
          sendScores(exchange, await readSide.scores(tenant, device, query), outcome);
        await (query.limit > LONG_ROWS ? longReads.run(exchange.principal, answer) : answer());
      },
    }),
    route({
      method: 'GET',
      path: '/v1/devices/:id/export',
      summary: 'Scores of a device as a file',
      description:
        'From the beginning of the history, or from `from`. Parquet has at most 500,000 rows, and fewer with more than one channel (4,500,000 cells); the others have no limit.',
      tag: 'devices',
      may: 'read',
      query: { format: oneOf(EXPORT_FORMATS, 'Default csv'), from: time('First time'), to: time('Last time') },
      answers: {
        200: { description: 'The file', mediaType: ['text/csv', 'application/x-ndjson', EXPORT_MEDIA_TYPES.parquet] },
      },
      async handle(exchange) {
        const { response, query } = exchange;
        const { format = 'csv', from: fromMs = 0, to: toMs = Infinity } = query;
        if (fromMs > toMs) throw new RequestInvalidError('from must not be after to');
        const { tenant, device, channels } = await knownDevice(exchange);
        const range = { tenant, device, fromMs, toMs };
        // Ids hold nothing that means something in a header, but a file may not be called so everywhere.
        const name = device.replaceAll(/[^A-Za-z0-9_.-]/g, '_');
        const headers = { 'Content-Disposition': `attachment; filename="${name}.${format}"` };
        await longReads.run(exchange.principal, async () => {
          if (format === 'parquet') {
            send(response, 200, EXPORT_MEDIA_TYPES.parquet, await parquetBytes(readSide, range, channels), headers);
            // Whole in memory until its reader has it, or is gone.
            await finished(response).catch(() => undefined);
            return;
          }
          response.writeHead(200, { 'Content-Type': EXPORT_MEDIA_TYPES[format], ...headers });
          const isCsv = format === 'csv';
          await sendStream(response, isCsv ? csvText(readSide, range, channels) : ndjsonText(readSide, range));
        });
      },
    }),
    route({
      method: 'GET',
      path: '/v1/devices/:id/explain',
      summary: 'The latest score, and the strangest of each of the latest episodes',
      tag: 'devices',
      may: 'read',
      answers: { 200: { description: 'In words and numbers', schema: ExplanationSchema } },
      async handle(exchange) {
        const { tenant, device } = await knownDevice(exchange);
        const explanation = await exchange.call<Explanation>('scorer.explain', { tenant, device });
        sendJson(exchange.response, 200, { ...explanation, device: deviceView(explanation.device) });
      },
    }),
  ];
}

/** A long page leaves in slices: 100,000 rows are some 40 MB of text, which nobody should wait for in one piece. */
async function sendScores(
  { response }: Pick<Exchange, 'response'>,
  page: ScorePage,
  outcome: Outcome | undefined,
): Promise<void> {
  response.writeHead(200, { 'Content-Type': 'application/json; charset=utf-8' });
  await sendStream(response, scoresText(page, outcome));
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
