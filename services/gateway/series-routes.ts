/** For those who lost the Azure Anomaly Detector: its univariate routes, requests and answers. */
import type { Static } from '@sinclair/typebox';
import { parseTimestamp } from '../../models/domain/timestamp.js';
import { RequestInvalidError } from '../../models/errors.js';
import type { SeriesToDetect, SeriesVerdict } from '../../models/series/detect-series.js';
import { HttpProblemError } from './problem.js';
import { sendJson } from './respond.js';
import { route, type Exchange, type RouteDefinition } from './route.js';
import { DetectRequest, EntireDetection, LastDetection } from './schemas/series.js';

/** As there: so a client needs another host and key, and nothing else. */
const PREFIXES = ['', '/anomalydetector/v1.0', '/anomalydetector/v1.1'];

const DEFAULT_RATIO = 0.25;
const DEFAULT_SENSITIVITY = 95;
const PERIODS_SUGGESTED = 4;

export function seriesRoutes(): readonly RouteDefinition[] {
  const common = { method: 'POST', tag: 'predictions', may: 'predict', pace: 'data', body: DetectRequest } as const;
  return PREFIXES.flatMap((prefix) => [
    route({
      ...common,
      path: `${prefix}/timeseries/entire/detect`,
      summary: 'Anomalies of a whole series',
      description: 'As the Azure Anomaly Detector answered it; its own paths work too, and its header for the key.',
      answers: { 200: { description: 'One entry a point', schema: EntireDetection } },
      async handle({ fields, call, response }) {
        const { period, points } = await ask(call, 'entire', fields);
        sendJson(response, 200, {
          period,
          expectedValues: points.map((point) => point.expectedValue),
          upperMargins: points.map((point) => point.upperMargin),
          lowerMargins: points.map((point) => point.lowerMargin),
          isAnomaly: points.map((point) => point.isAnomaly),
          isPositiveAnomaly: points.map((point) => point.isPositiveAnomaly),
          isNegativeAnomaly: points.map((point) => point.isNegativeAnomaly),
          severity: points.map((point) => point.severity),
        });
      },
    }),
    route({
      ...common,
      path: `${prefix}/timeseries/last/detect`,
      summary: 'Whether the last point of a series is an anomaly',
      description: 'Only points before it are looked at.',
      answers: { 200: { description: 'Of the last point', schema: LastDetection } },
      async handle({ fields, call, response }) {
        const { period, points } = await ask(call, 'last', fields);
        const suggestedWindow = period > 0 ? PERIODS_SUGGESTED * period + 1 : fields.series.length;
        sendJson(response, 200, { period, suggestedWindow, ...points[0]! });
      },
    }),
  ]);
}

async function ask(
  call: Exchange['call'],
  mode: 'entire' | 'last',
  fields: Static<typeof DetectRequest>,
): Promise<SeriesVerdict> {
  try {
    return await call<SeriesVerdict>('scorer.detect', { mode, ...seriesOf(fields) });
  } catch (error) {
    const { type, message } = error as { type?: unknown; message: string };
    if (type !== 'REQUEST_INVALID') throw error;
    // Clients of the service know these two members.
    throw new HttpProblemError(400, 'Invalid series', message, {}, { code: 'InvalidSeries', message });
  }
}

function seriesOf(fields: Static<typeof DetectRequest>): SeriesToDetect {
  const { series, granularity = 'none' } = fields;
  const isTimed = granularity !== 'none';
  return {
    ...(isTimed && { timesMs: series.map(({ timestamp }, i) => timeOf(timestamp, i)) }),
    values: series.map(({ value }) => value),
    granularity,
    interval: fields.customInterval ?? 1,
    imputeMode: fields.imputeMode ?? 'auto',
    imputeFixedValue: fields.imputeFixedValue ?? 0,
    period: fields.period ?? 0,
    maxAnomalyRatio: fields.maxAnomalyRatio ?? DEFAULT_RATIO,
    sensitivity: fields.sensitivity ?? DEFAULT_SENSITIVITY,
  };
}

function timeOf(timestamp: string | undefined, i: number): number {
  if (timestamp === undefined) {
    throw new RequestInvalidError(`series[${i}].timestamp is missing: it is needed unless granularity is none`);
  }
  const timeMs = parseTimestamp(timestamp);
  if (typeof timeMs === 'number') return timeMs;
  throw new RequestInvalidError(`series[${i}].timestamp ${timeMs}`);
}
