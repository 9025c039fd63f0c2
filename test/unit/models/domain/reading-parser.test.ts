import assert from 'node:assert/strict';
import { parseReading } from '../../../../models/domain/reading-parser.js';

const sound = { device: 'pump-7', ts: '2026-01-01T00:00:00Z', values: { temp: 71.2, vib: 0.3 } };

function reasonFor(json: string): string {
  const answer = parseReading(JSON.parse(json));
  assert.equal(typeof answer, 'string', 'was accepted');
  return answer as string;
}

describe('parseReading', () => {
  it('reads device, time, channels and values', () => {
    assert.deepEqual(parseReading(sound), {
      device: 'pump-7',
      timeMs: 1_767_225_600_000,
      channels: ['temp', 'vib'],
      values: [71.2, 0.3],
    });
  });

  it('takes null for "no value now", even for all channels', () => {
    const answer = parseReading({ ...sound, values: { temp: null } });
    assert.ok(typeof answer === 'object' && Number.isNaN(answer.values[0]));
  });

  it('takes -0 for 0', () => {
    const answer = parseReading({ ...sound, values: { temp: -0 } });
    assert.ok(typeof answer === 'object' && Object.is(answer.values[0], 0));
  });

  it('takes ids with slash, colon and at sign', () =>
    assert.equal(typeof parseReading({ ...sound, device: 'site/1:pump@7' }), 'object'));

  it('takes 256 channels, and no more', () => {
    const values = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`c${i}`, i]));
    assert.equal(typeof parseReading({ ...sound, values: values(256) }), 'object');
    assert.equal(parseReading({ ...sound, values: values(257) }), 'values must hold 1 to 256 channels, got 257');
  });

  const refused: [string, RegExp][] = [
    ['7', /^a reading must be an object .* got 7$/],
    ['null', /got null$/],
    ['[]', /got a list of 0$/],
    ['{}', /^device must be .* got nothing$/],
    ['{"device":"a b"}', /^device must be .* got "a b"$/],
    ['{"device":""}', /got ""$/],
    ['{"device":7}', /got 7$/],
    [`{"device":"${'x'.repeat(129)}"}`, /got "x{64}…"$/],
    ['{"device":"a","ts":"yesterday"}', /^ts must be RFC 3339 .* got "yesterday"$/],
    ['{"device":"a","ts":0}', /^values must be an object .* got nothing$/],
    ['{"device":"a","ts":0,"values":[1]}', /^values must be an object .* got a list of 1$/],
    ['{"device":"a","ts":0,"values":{}}', /^values must hold 1 to 256 channels, got 0$/],
    ['{"device":"a","ts":0,"values":{"t":"71"}}', /^values\.t must be a finite number or null, got "71"$/],
    ['{"device":"a","ts":0,"values":{"t":true}}', /^values\.t .* got true$/],
    ['{"device":"a","ts":0,"values":{"t":1e999}}', /^values\.t .* got Infinity$/],
    ['{"device":"a","ts":0,"values":{"t":[1]}}', /^values\.t .* got a list of 1$/],
    ['{"device":"a","ts":0,"values":{"t\\n":1}}', /^channel name must be .* got "t\\u\{a\}"$/],
    ['{"device":"a","ts":0,"values":{"__proto__":1}}', /^channel name must be .* got "__proto__"$/],
    ['{"device":"a","ts":0,"values":{"t":1},"unit":"C"}', /^unknown field "unit": a reading has/],
    ['{"__proto__":{"device":"a"},"ts":0,"values":{"t":1}}', /^device must be/],
    ['{"device":"a","ts":0,"values":{"t":1},"__proto__":{}}', /^unknown field "__proto__"/],
  ];
  for (const [json, reason] of refused) {
    it(`refuses ${json.slice(0, 60)}`, () => assert.match(reasonFor(json), reason));
  }

  it('escapes what a terminal could act on', () =>
    assert.doesNotMatch(reasonFor('{"device":"\\u001b[31m\\u202e"}'), /\p{C}/u));
});
