import { MAX_READING_CHANNELS } from '../../models/domain/reading-parser.js';
import { quantumKernel, QUANTUM_IS_OFF } from '../../models/detectors/quantum-kernel.js';
import { quoteValue } from '../../models/domain/quote-value.js';
import { formatTimestamp } from '../../models/domain/timestamp.js';
import { NotFoundError, RequestInvalidError } from '../../models/errors.js';
import { DEFAULT_PROFILE } from '../../models/profiles/profile.js';
import type { Model } from '../../models/registry/registry.js';
import { AUTOENCODER, requireMethod } from '../../models/scoring/score-series.js';
import { MAX_ANSWER_ROWS, MAX_PREDICT_VALUES } from '../../models/settings.js';
import { ModelShelf } from '../model-shelf.js';
import type { NodeContext } from '../node-context.js';
import type { PredictionJob } from '../prediction-job.js';
import type { GatewayMetrics } from './gateway-metrics.js';
import { Idempotency } from './idempotency.js';
import { PredictionCache } from './prediction-cache.js';
import type { JobWish, PredictionJobs } from './prediction-jobs.js';
import { send, sendJson, sendStream } from './respond.js';
import { route, type Exchange, type RouteDefinition } from './route.js';
import {
  BatchRequest,
  Job as JobSchema,
  JobStatus,
  PredictRequest,
  Prediction,
  type Job,
} from './schemas/prediction.js';

const JOB_PATH = '/predict/status';

/** @param jobs works off what is too large for one answer */
export function predictRoutes(
  { settings, storage, clock, logger }: NodeContext,
  metrics: GatewayMetrics,
  jobs: PredictionJobs,
): readonly RouteDefinition[] {
  const shelf = new ModelShelf(storage.models);
  const cache = new PredictionCache({
    readSide: storage.readSide,
    clock,
    isEnabled: settings.cacheEnabled,
    ttlMs: 1_000 * settings.cacheTtlSec,
    looked: metrics.predictCache,
    failed: (error) => logger.debug({ err: error }, 'the cache of predictions does not answer'),
  });
  const idempotency = new Idempotency(storage.readSide, (error) => {
    logger.warn({ err: error }, 'the answer to an Idempotency-Key could not be kept or looked up');
  });

  /** What is asked of the scorer besides the rows. @throws RequestInvalidError */
  async function questionOf(exchange: Pick<Exchange, 'call'>, fields: Question, columns: number): Promise<Asked> {
    const method = fields.method ?? 'ensemble';
    requireMethod(method);
    if (method === quantumKernel.name && !settings.enableQuantum) throw new RequestInvalidError(QUANTUM_IS_OFF);
    const model = method === AUTOENCODER ? await modelFor(exchange, shelf, columns) : undefined;
    return {
      windowSize: fields.window_size ?? settings.windowSize,
      method,
      ...(model !== undefined && { model }),
    };
  }

  function isLarge(data: readonly (readonly number[])[]): boolean {
    const mostRows = Math.min(settings.batchSize, MAX_ANSWER_ROWS);
    return data.length > mostRows || data.length * data[0]!.length > MAX_PREDICT_VALUES;
  }

  async function begin(exchange: Exchange, wish: JobWish): Promise<void> {
    const { request, response, principal, fields } = exchange;
    const key = request.headers['idempotency-key'] as string | undefined;
    const body = Buffer.from(JSON.stringify(fields));
    const answer = await idempotency.once(principal, key, body, clock.wallMs(), async () => ({
      status: 202,
      body: jobView(await jobs.start(principal.tenant, wish)),
    }));
    sendJson(response, 202, answer.body, {
      Location: `${JOB_PATH}/${(answer.body as Job).id}`,
      ...(answer.isReplay && { 'Idempotency-Replayed': 'true' }),
    });
  }

  const BEGUN = {
    description: 'It is worked off; ask at `Location`',
    schema: JobSchema,
    headers: { Location: 'Where to ask for it' },
  };
  const KEY = { 'Idempotency-Key': 'The same key and body within 24 h begin one job' };

  return [
    route({
      method: 'POST',
      path: '/predict',
      summary: 'Score rows that belong to no device',
      description:
        'Large ones become a job: of more than `detection.batch_size` (at most 12,000) rows, or more than 32,768 numbers. Answers are kept for `detection.cache_ttl` seconds.',
      tag: 'predictions',
      may: 'predict',
      pace: 'data',
      headers: KEY,
      body: PredictRequest,
      answers: {
        200: { description: 'One score a row', schema: Prediction, headers: { 'X-Cache': '`hit` or `miss`' } },
        202: BEGUN,
      },
      async handle(exchange) {
        const { fields, principal, call, response } = exchange;
        const data = checkRows(fields.data, 'data');
        const asked = await questionOf(exchange, fields, data[0]!.length);
        if (isLarge(data)) {
          await begin(exchange, { ...asked, series: [{ id: 'data', data }] });
          return;
        }
        const question = { data, ...asked };
        const [text, isKnown] = await cache.answer(principal.tenant, question, () => call('scorer.predict', question));
        send(response, 200, 'application/json; charset=utf-8', text, { 'X-Cache': isKnown ? 'hit' : 'miss' });
      },
    }),
    route({
      method: 'POST',
      path: '/predict/batch',
      summary: 'Score several series, as a job',
      tag: 'predictions',
      may: 'predict',
      pace: 'data',
      headers: KEY,
      body: BatchRequest,
      answers: { 202: BEGUN },
      async handle(exchange) {
        const { fields } = exchange;
        const series = fields.series.map(({ id, data }, i) => ({
          id: id ?? String(i),
          data: checkRows(data, `series[${i}].data`),
        }));
        const columns = series[0]!.data[0]!.length;
        const asked = await questionOf(exchange, fields, columns);
        if (asked.model !== undefined && series.some(({ data }) => data[0]!.length !== columns)) {
          throw new RequestInvalidError(`all series must have ${columns} columns, as the trained model has`);
        }
        await begin(exchange, { ...asked, series });
      },
    }),
    route({
      method: 'GET',
      path: `${JOB_PATH}/:id`,
      summary: 'How far a job is, and its results',
      description: 'Jobs outlive a restart. They are forgotten `detection.job_ttl` seconds after their last change.',
      tag: 'predictions',
      may: 'predict',
      pace: 'data',
      answers: { 200: { description: 'The job', schema: JobStatus } },
      async handle({ params, principal: { tenant }, response }) {
        const id = params['id'] ?? '';
        const job = await jobs.find(tenant, id);
        if (job === undefined) throw new NotFoundError(`there is no job ${quoteValue(id)}, or it is forgotten`);
        response.writeHead(200, { 'Content-Type': 'application/json; charset=utf-8' });
        await sendStream(
          response,
          jobText(job, (index) => jobs.result(tenant, job.id, index)),
        );
      },
    }),
  ];
}

interface Question {
  readonly method?: string;
  readonly window_size?: number;
}
type Asked = Pick<JobWish, 'method' | 'model' | 'windowSize'>;

function jobView({ id, state, done, series, createdMs, endedMs, reason }: PredictionJob): Job {
  return {
    id,
    state,
    done,
    total: series.length,
    created: formatTimestamp(createdMs),
    ...(endedMs !== undefined && { ended: formatTimestamp(endedMs) }),
    ...(reason !== undefined && { reason }),
  };
}

/** Result after result: all together may be larger than anybody should hold. */
async function* jobText(
  job: PredictionJob,
  resultOf: (index: number) => Promise<Uint8Array | undefined>,
): AsyncGenerator<string> {
  yield `${JSON.stringify(jobView(job)).slice(0, -1)},"results":[`;
  for (let index = 0; index < job.done; index++) {
    const bytes = await resultOf(index);
    const result = bytes === undefined ? '{"error":"this result is lost"}' : Buffer.from(bytes).toString();
    const id = JSON.stringify({ id: job.series[index]!.id }).slice(0, -1);
    yield `${index === 0 ? '' : ','}${id},${result.slice(1)}`;
  }
  yield ']}';
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

function checkRows(rows: readonly unknown[], name: string): readonly (readonly number[])[] {
  const width = Array.isArray(rows[0]) ? rows[0].length : 0;
  rows.forEach((row, r) => {
    const isWidth = width >= 1 && width <= MAX_READING_CHANNELS;
    if (!isWidth || !Array.isArray(row) || row.length !== width) {
      const expected = isWidth ? String(width) : `1 to ${MAX_READING_CHANNELS}`;
      throw new RequestInvalidError(`${name}[${r}] must be a list of ${expected} numbers, got ${quoteValue(row)}`);
    }
    row.forEach((value: unknown, c) => {
      if (typeof value !== 'number' || !Number.isFinite(value)) {
        throw new RequestInvalidError(`${name}[${r}][${c}] must be a finite number, got ${quoteValue(value)}`);
      }
    });
  });
  return rows as readonly (readonly number[])[];
}
