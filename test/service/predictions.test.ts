import assert from 'node:assert/strict';
import { RedshankProcess } from '../support/redshank-process.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { until } from '../support/until.js';
import { DOCUMENTED } from '../unit/models/series/documented-series.js';

interface Status {
  readonly id: string;
  readonly state: string;
  readonly done: number;
  readonly total: number;
  readonly results: readonly { readonly id: string; readonly scores?: readonly unknown[]; readonly error?: string }[];
}

describe('predictions', function () {
  this.timeout(120_000);
  const folder = temporaryFolder();
  let redshank: RedshankProcess | undefined;
  afterEach(async () => {
    await redshank?.stop();
    redshank = undefined;
  });
  const start = async (dataDir = folder(), env: Record<string, string> = {}) =>
    (redshank = await RedshankProcess.start({ dataDir, env }));
  const ask = async (path: string, body?: object, headers: Record<string, string> = {}) => {
    const init = { method: 'POST', headers: { 'content-type': 'application/json', ...headers } };
    const answer = await fetch(redshank!.url + path, body === undefined ? {} : { ...init, body: JSON.stringify(body) });
    return { status: answer.status, headers: answer.headers, json: (await answer.json()) as Record<string, unknown> };
  };
  const column = (rows: number) => Array.from({ length: rows }, (_, i) => [Math.sin(i / 9) + (i === rows - 5 ? 9 : 0)]);
  const ended = async (location: string): Promise<Status> => {
    let status: Status | undefined;
    await until('the end of the job', async () => {
      status = (await ask(location)).json as unknown as Status;
      return status.state !== 'running';
    });
    return status!;
  };

  it('are kept: the same question is answered once', async () => {
    await start();
    const question = { data: column(200), method: 'streaming' };
    const [first, again] = [await ask('/predict', question), await ask('/predict', question)];
    assert.deepEqual(
      [first, again].map(({ headers }) => headers.get('x-cache')),
      ['miss', 'hit'],
    );
    assert.deepEqual(again.json, first.json);
    const other = await ask('/predict', { ...question, window_size: 20 });
    assert.equal(other.headers.get('x-cache'), 'miss');
  });

  it('that are large become a job with the same scores', async () => {
    await start();
    const data = column(13_000);
    const { status, headers, json } = await ask('/predict', { data });
    assert.deepEqual([status, json['state']], [202, 'running']);
    const job = await ended(headers.get('location')!);
    assert.deepEqual([job.state, job.done, job.results.length], ['done', 1, 1]);
    assert.equal(job.results[0]!.scores!.length, 13_000);
    const { json: small } = await ask('/predict', { data: data.slice(0, 500) });
    const alone = (small['scores'] as { score: number }[]).slice(0, 100);
    assert.deepEqual(job.results[0]!.scores!.slice(0, 100), alone);
  });

  it('of several series are one job, in which one bad series spoils no other', async () => {
    await start();
    const series = [{ id: 'a', data: column(50) }, { data: column(60) }];
    const { headers } = await ask('/predict/batch', { series });
    const job = await ended(headers.get('location')!);
    assert.deepEqual(
      job.results.map(({ id, scores }) => [id, scores?.length]),
      [
        ['a', 50],
        ['1', 60],
      ],
    );
    const wrong = await ask('/predict/batch', { series, method: 'magic' });
    assert.deepEqual([wrong.status, /method must be one of ensemble,/.test(String(wrong.json['detail']))], [422, true]);
    assert.equal((await ask('/predict/status/AAAAAAAAAAAAAAAAAAAAAA')).status, 404);
  });

  it('asked twice with one Idempotency-Key are one job', async () => {
    await start();
    const body = { series: [{ data: column(50) }] };
    const key = { 'Idempotency-Key': 'k1' };
    const [first, again] = [await ask('/predict/batch', body, key), await ask('/predict/batch', body, key)];
    assert.equal(again.json['id'], first.json['id']);
    assert.equal(again.headers.get('idempotency-replayed'), 'true');
    assert.equal((await ask('/predict/batch', { series: [{ data: column(51) }] }, key)).status, 422);
  });

  it('go on after the process was killed', async () => {
    const dataDir = folder();
    await start(dataDir);
    const series = Array.from({ length: 6 }, () => ({ data: column(40_000) }));
    const { headers } = await ask('/predict/batch', { series });
    const location = headers.get('location')!;
    await until('the first series', async () => Number((await ask(location)).json['done']) >= 1);
    await redshank!.kill();
    // What its worker said last is over after 90 s; this clock is ahead.
    await start(dataDir, { NODE_OPTIONS: `--import ${new URL('../support/clock-ahead.js', import.meta.url).href}` });
    const job = await ended(location);
    assert.deepEqual([job.state, job.done, job.results.length], ['done', 6, 6]);
    assert.ok(job.results.every(({ scores }) => scores?.length === 40_000));
  });

  describe('in the shape of the retired Azure service', () => {
    const series = DOCUMENTED.map((value, month) => ({
      timestamp: new Date(Date.UTC(1972, month, 1)).toISOString(),
      value,
    }));
    const request = { series, granularity: 'monthly', maxAnomalyRatio: 0.25, sensitivity: 95 };

    it('answer its documented example as it did', async () => {
      await start();
      for (const prefix of ['', '/anomalydetector/v1.0', '/anomalydetector/v1.1']) {
        const { status, json } = await ask(`${prefix}/timeseries/entire/detect`, request);
        assert.equal(status, 200);
        assert.equal(json['period'], 12);
        const positive = json['isPositiveAnomaly'] as boolean[];
        assert.deepEqual(json['isAnomaly'], positive);
        assert.deepEqual(
          positive.flatMap((isPositive, i) => (isPositive ? [i] : [])),
          [25],
        );
        for (const list of ['expectedValues', 'upperMargins', 'lowerMargins', 'isNegativeAnomaly', 'severity']) {
          assert.equal((json[list] as unknown[]).length, 48, list);
        }
      }
      const last = await ask('/timeseries/last/detect', request);
      assert.deepEqual([last.json['period'], last.json['suggestedWindow']], [12, 49]);
      for (const field of ['expectedValue', 'upperMargin', 'lowerMargin'])
        assert.equal(typeof last.json[field], 'number');
    });

    it('refuse what it refused, with code and message', async () => {
      await start();
      const backwards = await ask('/timeseries/entire/detect', { ...request, series: [...series].reverse() });
      assert.deepEqual([backwards.status, backwards.json['code']], [400, 'InvalidSeries']);
      assert.match(String(backwards.json['message']), /must come after the one before/);
      assert.equal((await ask('/timeseries/entire/detect', { series: series.slice(0, 11) })).status, 422);
    });
  });
});
