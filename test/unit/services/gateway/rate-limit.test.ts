import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { loadSettings } from '../../../../models/settings.js';
import { RateLimit } from '../../../../services/gateway/rate-limit.js';
import { memoryLimiter } from '../../../../storage/limits/limiters.js';

describe('RateLimit', () => {
  const who = (name: string, tenant = 'default') => ({ name, tenant, role: 'writer' }) as const;
  const answer = () => {
    const headers = new Map<string, unknown>();
    return { headers, response: { setHeader: headers.set.bind(headers) } as unknown as ServerResponse };
  };
  const limitOf = (env: Record<string, string>) => new RateLimit(loadSettings({ env }), memoryLimiter);

  it('counts requests of each key by itself, and tells what is left', async () => {
    const limit = limitOf({ API_RATE_LIMIT: '2' });
    const { headers, response } = answer();
    for (const name of ['a', 'b', 'a', 'b']) await limit.takeRequest(who(name), response);
    assert.equal(headers.get('RateLimit-Policy'), '"requests";q=2;w=60');
    assert.match(String(headers.get('RateLimit')), /^"requests";r=0;t=\d+$/);
    await limit.takeRequest(who('a', 'other'), response);
    await assert.rejects(limit.takeRequest(who('a'), response), { type: 'RATE_LIMITED' });
  });

  it('counts readings, not requests, of keys and of tenants', async () => {
    const limit = limitOf({ READINGS_PER_SECOND: '10', TENANT_READINGS_PER_SECOND: '15' });
    const { response } = answer();
    await limit.takeReadings(who('a'), response, 100);
    await assert.rejects(limit.takeReadings(who('a'), response, 1), /100 readings in 10 s a key/);
    await limit.takeReadings(who('b'), response, 50);
    await assert.rejects(limit.takeReadings(who('c'), response, 1), /150 readings in 10 s a tenant/);
  });

  it('counts nothing that has no limit', async () => {
    const { headers, response } = answer();
    await limitOf({}).takeReadings(who('a'), response, 1e9);
    assert.equal(headers.size, 0);
  });
});
