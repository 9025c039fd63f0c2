import { MAX_READING_CHANNELS } from '../../models/domain/reading-parser.js';
import { quantumKernel, QUANTUM_IS_OFF } from '../../models/detectors/quantum-kernel.js';
import { quoteValue } from '../../models/domain/quote-value.js';
import { RequestInvalidError } from '../../models/errors.js';
import { DEFAULT_PROFILE } from '../../models/profiles/profile.js';
import type { Model } from '../../models/registry/registry.js';
import { AUTOENCODER } from '../../models/scoring/score-series.js';
import { ModelShelf } from '../model-shelf.js';
import type { NodeContext } from '../node-context.js';
import { sendJson } from './respond.js';
import { route, type Exchange, type RouteDefinition } from './route.js';
import { PredictRequest, Prediction } from './schemas/prediction.js';

export function predictRoutes({ settings, storage }: NodeContext): readonly RouteDefinition[] {
  const shelf = new ModelShelf(storage.models);
  return [
    route({
      method: 'POST',
      path: '/predict',
      summary: 'Score rows that belong to no device',
      tag: 'predictions',
      may: 'predict',
      pace: 'data',
      body: PredictRequest,
      answers: { 200: { description: 'One score a row', schema: Prediction } },
      async handle(exchange) {
        const request = exchange.fields;
        if (request.data.length > settings.batchSize) {
          const most = settings.batchSize;
          throw new RequestInvalidError(`data must have at most ${most} rows, got ${request.data.length}`);
        }
        const data = checkRows(request.data);
        const method = request.method ?? 'ensemble';
        if (method === quantumKernel.name && !settings.enableQuantum) throw new RequestInvalidError(QUANTUM_IS_OFF);
        const model = method === AUTOENCODER ? await modelFor(exchange, shelf, data[0]!.length) : undefined;
        const answer = await exchange.call<object>('scorer.predict', {
          data,
          windowSize: request.window_size ?? settings.windowSize,
          method,
          ...(model !== undefined && { model }),
        });
        sendJson(exchange.response, 200, answer);
      },
    }),
  ];
}

/** The trained model in force that reads so many columns: of the standard profile, else of the first by name. */
async function modelFor(
  { call }: Pick<Exchange, 'call'>,
  shelf: ModelShelf,
  columns: number,
): Promise<string | undefined> {
  const models = await call<Model[]>('model-registry.list', {});
  const first = (a: Model, b: Model): number => Number(b.name === DEFAULT_PROFILE) - Number(a.name === DEFAULT_PROFILE);
  for (const { versions, aliases } of [...models].sort(first)) {
    const champion = versions.find(({ version }) => version === aliases.champion);
    const version = champion?.definition.detection.model;
    if (version === undefined) continue;
    const { header } = await shelf.fetch(version);
    if (header.channels.length === columns) return version;
  }
  return undefined;
}

function checkRows(rows: readonly unknown[]): readonly (readonly number[])[] {
  const width = Array.isArray(rows[0]) ? rows[0].length : 0;
  rows.forEach((row, r) => {
    const isWidth = width >= 1 && width <= MAX_READING_CHANNELS;
    if (!isWidth || !Array.isArray(row) || row.length !== width) {
      const expected = isWidth ? String(width) : `1 to ${MAX_READING_CHANNELS}`;
      throw new RequestInvalidError(`data[${r}] must be a list of ${expected} numbers, got ${quoteValue(row)}`);
    }
    row.forEach((value: unknown, c) => {
      if (typeof value !== 'number' || !Number.isFinite(value)) {
        throw new RequestInvalidError(`data[${r}][${c}] must be a finite number, got ${quoteValue(value)}`);
      }
    });
  });
  return rows as readonly (readonly number[])[];
}
