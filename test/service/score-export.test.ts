import assert from 'node:assert/strict';
import { parquetReadObjects } from 'hyparquet';
import { parquetBytes } from '../../services/gateway/score-export.js';
import { startGatewayNode, type GatewayNode } from '../support/gateway-node.js';
import { ask } from '../support/http-client.js';
import { scoreRows } from '../support/sample-records.js';

const ID = 'site/1:pump@7';

describe('scores as a file', () => {
  let node: GatewayNode;
  const path = `/v1/devices/${encodeURIComponent(ID)}/export`;
  before(async () => {
    node = await startGatewayNode();
    const rows = [
      { timeMs: 0, values: { temp: 20.5, 'power [kW]': 1 } },
      { timeMs: 1_000, values: { temp: 80, 'power [kW]': 2 }, score: 0.9 },
      { timeMs: 2_000, values: { temp: 20, 'power [kW]': 3 }, outcome: 3 },
    ];
    await node.readSide.writeScores(0, 1, scoreRows(ID, rows));
  });
  after(() => node.stop());

  it('are CSV, a column a channel', async () => {
    const { status, text, headers } = await ask(node.url + path);
    assert.deepEqual([status, headers['content-type']], [200, 'text/csv; charset=utf-8']);
    assert.equal(headers['content-disposition'], 'attachment; filename="site_1_pump_7.csv"');
    assert.deepEqual(text.split('\n'), [
      'ts,score,threshold,isAnomaly,event,phase,outcome,model,temp,power [kW]',
      '1970-01-01T00:00:00.000Z,0.05,0.6,false,,ready,scored,v1,20.5,1',
      '1970-01-01T00:00:01.000Z,0.9,0.6,true,,ready,scored,v1,80,2',
      '1970-01-01T00:00:02.000Z,,,false,,ready,late,v1,20,3',
      '',
    ]);
  });

  it('are NDJSON, and only of the times that were asked for', async () => {
    const { text } = await ask(`${node.url}${path}?format=ndjson&from=1000&to=1000`);
    const rows = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { ts: string; isAnomaly: boolean });
    assert.deepEqual(
      rows.map(({ ts, isAnomaly }) => [ts, isAnomaly]),
      [['1970-01-01T00:00:01.000Z', true]],
    );
  });

  it('are Parquet only as far as it fits into memory, channels counted', async () => {
    const range = { tenant: 'default', device: ID, fromMs: 0, toMs: Infinity };
    const channels = Array.from({ length: 2_000_000 }, (_, i) => `c${i}`);
    await assert.rejects(parquetBytes(node.readSide, range, channels), {
      type: 'PAYLOAD_TOO_LARGE',
      message: /at most 2 rows with 2000000 channel\(s\)/,
    });
  });

  it('are Parquet', async () => {
    const answer = await fetch(`${node.url}${path}?format=parquet`);
    const rows: Record<string, unknown>[] = await parquetReadObjects({ file: await answer.arrayBuffer() });
    assert.equal(rows.length, 3);
    assert.deepEqual(rows[1], {
      ts: new Date(1_000),
      score: rows[1]!['score'],
      threshold: rows[1]!['threshold'],
      event: null,
      isAnomaly: true,
      phase: 'ready',
      outcome: 'scored',
      model: 'v1',
      'channel temp': 80,
      'channel power [kW]': 2,
    });
  });

  it('are of devices that are known', async () => {
    assert.equal((await ask(`${node.url}/v1/devices/nobody/export`)).status, 404);
    assert.equal((await ask(`${node.url}${path}?format=xls`)).status, 422);
  });
});
