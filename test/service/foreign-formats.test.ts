import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { compress } from 'snappyjs';
import { startGatewayNode, type GatewayNode } from '../support/gateway-node.js';
import { ask } from '../support/http-client.js';
import { freePort } from '../support/free-port.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { until } from '../support/until.js';
import { doubleField, fixed64Field, messageField, stringField } from '../support/protobuf-encoder.js';

describe('formats of others', function () {
  this.timeout(60_000);
  const folder = temporaryFolder();
  let node: GatewayNode;
  beforeEach(async () => {
    node = await startGatewayNode();
  });
  afterEach(() => node.stop());
  const post = (path: string, body: string | Uint8Array, headers: Record<string, string> = {}) =>
    ask(node.url + path, { method: 'POST', body, headers });
  const taken = () => node.taken.map(({ device, timeMs, channels, values }) => [device, timeMs, channels, values]);

  describe('line protocol', () => {
    const LINE = 'pump,device=p-7 temp=71.2,vib=0.3 1767225600000';
    const READING = ['p-7', 1_767_225_600_000, ['pump_temp', 'pump_vib'], [71.2, 0.3]];

    it('is taken, line by line', async () => {
      const { status, json, headers } = await post('/v1/write?precision=ms', `${LINE}\nbad line\n`);
      assert.deepEqual([status, (json as { accepted: number }).accepted], [202, 1]);
      assert.match(JSON.stringify(json), /"index":1,"reason":"/);
      assert.equal(headers['x-durability'], 'nothing');
      assert.deepEqual(taken(), [READING]);
    });

    it('is taken as Telegraf sends it: gzip, its path, its way to show the key', async () => {
      await node.stop();
      node = await startGatewayNode({ auth: 'on', dataDir: folder() });
      const key = /rsk_\S+/.exec(node.printed[0]!)![0];
      const headers = {
        Authorization: `Token ${key}`,
        'Content-Encoding': 'gzip',
        'Content-Type': 'text/plain; charset=utf-8',
        'User-Agent': 'Telegraf/1.30 Go/1.22',
      };
      const path = '/api/v2/write?bucket=plant&org=acme&precision=ms';
      assert.equal((await post(path, gzipSync(LINE), headers)).status, 204);
      assert.deepEqual(taken(), [READING]);
      const bad = await post(path, gzipSync('nothing'), headers);
      assert.deepEqual([bad.status, (bad.json as { code: string }).code], [400, 'invalid']);
    });

    it('is refused in an unknown precision, and as another type', async () => {
      assert.equal((await post('/v1/write?precision=fortnight', LINE)).status, 422);
      assert.equal((await post('/v1/write', LINE, { 'Content-Type': 'image/png' })).status, 415);
      assert.equal((await post('/v1/write', 'nothing')).status, 422);
    });
  });

  describe('OTLP metrics', () => {
    const point = { timeUnixNano: '1767225600000000000', asDouble: 21.5 };
    const resource = { attributes: [{ key: 'device.id', value: { stringValue: 'gate-1' } }] };
    const request = (name: string) => ({
      resourceMetrics: [{ resource, scopeMetrics: [{ metrics: [{ name, gauge: { dataPoints: [point] } }] }] }],
    });

    it('are taken as JSON, and answered in JSON', async () => {
      const headers = { 'Content-Type': 'application/json' };
      const answer = await post('/v1/metrics', JSON.stringify(request('temp')), headers);
      assert.deepEqual([answer.status, answer.json], [200, {}]);
      assert.deepEqual(taken(), [['gate-1', 1_767_225_600_000, ['temp'], [21.5]]]);
      const partial = await post('/v1/metrics', JSON.stringify(request('')), headers);
      assert.deepEqual(partial.json, {
        partialSuccess: { rejectedDataPoints: '1', errorMessage: 'data point 0: a metric must have a name' },
      });
    });

    it('are taken as protobuf, and answered in protobuf', async () => {
      const attribute = messageField(1, stringField(1, 'device.id'), messageField(2, stringField(1, 'gate-1')));
      const point = messageField(1, fixed64Field(3, 1_767_225_600_000_000_000n), doubleField(4, 21.5));
      const metric = messageField(2, stringField(1, 'temp'), messageField(5, point));
      const body = messageField(1, messageField(1, attribute), messageField(2, metric));
      const answer = await post('/v1/metrics', body, { 'Content-Type': 'application/x-protobuf' });
      assert.deepEqual([answer.status, answer.text], [200, '']);
      assert.equal(taken().length, 1);
    });
  });

  describe('CSV', () => {
    const csv = { 'Content-Type': 'text/csv' };

    it('is taken, wide and long', async () => {
      const wide = 'timestamp,device,temp,vib\n2026-01-01T00:00:00Z,pump-7,71.2,0.3\nnever,pump-7,1,1\n';
      const answer = await post('/v1/readings/csv', wide, csv);
      assert.deepEqual([answer.status, (answer.json as { accepted: number }).accepted], [202, 1]);
      const long = 'time,channel,value\n1767225600,temp,20\n1767225600,vib,0.4\n';
      assert.equal((await post('/v1/readings/csv?device=fan-1', long, csv)).status, 202);
      assert.deepEqual(taken(), [
        ['pump-7', 1_767_225_600_000, ['temp', 'vib'], [71.2, 0.3]],
        ['fan-1', 1_767_225_600_000, ['temp', 'vib'], [20, 0.4]],
      ]);
    });

    it('is refused when nothing says which device or time it is', async () => {
      assert.equal((await post('/v1/readings/csv', 'temp\n1\n', csv)).status, 422);
      assert.equal(
        (await post('/v1/readings/csv', '{"readings":[]}', { 'Content-Type': 'application/json' })).status,
        415,
      );
    });
  });

  describe('remote write', () => {
    const headers = {
      'Content-Type': 'application/x-protobuf',
      'Content-Encoding': 'snappy',
      'X-Prometheus-Remote-Write-Version': '0.1.0',
    };

    it('refuses a bomb before it is inflated', async () => {
      await node.stop();
      node = await startGatewayNode({ maxInflatedBytes: 1_000_000 });
      assert.equal((await post('/v1/prometheus/write', compress(Buffer.alloc(2_000_000)), headers)).status, 413);
      assert.equal((await post('/v1/prometheus/write', 'nonsense', headers)).status, 422);
    });

    describe('from a real Prometheus', () => {
      let prometheus: ChildProcess | undefined;
      before(function () {
        if (spawnSync('prometheus', ['--version']).error !== undefined) this.skip();
      });
      afterEach(() => prometheus?.kill());

      it('is taken', async () => {
        const home = folder();
        const port = await freePort();
        const config = join(home, 'prometheus.yml');
        writeFileSync(
          config,
          JSON.stringify({
            global: { scrape_interval: '1s' },
            scrape_configs: [{ job_name: 'self', static_configs: [{ targets: [`127.0.0.1:${port}`] }] }],
            remote_write: [{ url: `${node.url}/v1/prometheus/write`, queue_config: { batch_send_deadline: '1s' } }],
          }),
        );
        prometheus = spawn(
          'prometheus',
          [
            `--config.file=${config}`,
            `--storage.tsdb.path=${join(home, 'data')}`,
            `--web.listen-address=127.0.0.1:${port}`,
          ],
          { stdio: 'ignore' },
        );
        const up = () => node.taken.find(({ channels }) => channels.includes('up'));
        await until('samples of a scrape', () => Promise.resolve(up() !== undefined));
        assert.equal(up()!.device, `127.0.0.1:${port}`);
        assert.equal(up()!.values[up()!.channels.indexOf('up')], 1);
      });
    });
  });
});
