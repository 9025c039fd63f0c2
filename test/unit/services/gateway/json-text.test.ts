import assert from 'node:assert/strict';
import { measureJson, parseJson } from '../../../../services/gateway/json-text.js';

describe('measureJson', () => {
  it('counts depth', () => assert.equal(measureJson('{"a":[[1],{}]}').depth, 3));
  it('counts parts', () => assert.equal(measureJson('[1,{"a":2},3]').parts, 4));
  it('ignores brackets in text, also behind escaped quotes', () =>
    assert.deepEqual(measureJson('["[[[","\\"[[[","\\\\",[]]'), { depth: 2, parts: 5 }));
});

describe('parseJson', () => {
  it('reads UTF-8, with or without a byte order mark', () => {
    assert.deepEqual(parseJson(Buffer.from('\ufeff{"°C":1}')), { '°C': 1 });
  });
  it('keeps __proto__ a plain name', () => {
    const value = parseJson(Buffer.from('{"__proto__":{"x":1}}')) as Record<string, unknown>;
    assert.equal(value['x'], undefined);
    assert.deepEqual(Object.keys(value), ['__proto__']);
  });
});
