import assert from 'node:assert/strict';
import { startGatewayNode, type GatewayNode } from '../support/gateway-node.js';
import { ask, postJson } from '../support/http-client.js';
import { BAD_INPUT, checkBadInput } from './bad-input-catalogue.js';

describe('bad input', () => {
  let node: GatewayNode;
  before(async () => {
    node = await startGatewayNode();
  });
  after(() => node.stop());

  for (const row of BAD_INPUT) it(`${row.name}: ${row.status}`, () => checkBadInput(node.url, row));

  it('leaves the gateway well, and no prototype changed', async () => {
    const reading = { device: 'pump-7', ts: 0, values: { temp: 1 } };
    assert.equal((await postJson(`${node.url}/v1/readings`, { readings: [reading] })).status, 202);
    assert.equal((await ask(`${node.url}/ready`)).status, 200);
    assert.equal(({} as Record<string, unknown>)['x'], undefined);
  });
});
