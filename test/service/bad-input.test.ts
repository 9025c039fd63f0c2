import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { loadSettings, MAX_PREDICT_WINDOW } from '../../models/settings.js';
import { startNode, type RunningNode } from '../../services/start-node.js';
import { ask, postJson, type HttpAnswer } from '../support/http-client.js';
import { until } from '../support/until.js';
import { BAD_INPUT, checkBadInput } from './bad-input-catalogue.js';

describe('bad input', () => {
  let dataDir: string;
  let node: RunningNode;
  before(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'redshank-test-'));
    const settings = loadSettings({ env: { AUTH: 'off', METRICS_PORT: '0', DATA_DIR: dataDir } });
    node = await startNode({ ...settings, port: 0 }, pino({ level: 'silent' }));
  });
  after(async () => {
    await node.stop();
    await rm(dataDir, { recursive: true });
  });
  const url = (path: string): string => `${node.url}${path}`;

  for (const row of BAD_INPUT) it(`${row.name}: ${row.status}`, () => checkBadInput(url(''), row));

  it('predicts with the widest window', async () => {
    const data = Array.from({ length: 50 }, (_, i) => [i % 3]);
    const answer = await postJson(url('/predict'), { data, window_size: MAX_PREDICT_WINDOW });
    assert.equal(answer.status, 200, answer.text);
  });

  it('leaves the node well: the next reading is scored, and no prototype is changed', async () => {
    const readings = [{ device: 'after-all-that', ts: Date.now(), values: { temp: 1 } }];
    assert.equal((await postJson(url('/v1/readings'), { readings })).status, 202);
    const scores = await until('the score', async () => {
      const answer: HttpAnswer = await ask(url('/v1/devices/after-all-that/scores'));
      return answer.status === 200 && (answer.json as { scores: { outcome: string }[] }).scores;
    });
    assert.deepEqual(
      scores.map(({ outcome }) => outcome),
      ['scored'],
    );
    assert.equal(({} as Record<string, unknown>)['x'], undefined);
  });
});
