import assert from 'node:assert/strict';
import fc from 'fast-check';
import { isChannelName, isDeviceId } from '../../models/domain/identity.js';
import { parseReading } from '../../models/domain/reading-parser.js';
import { END_TIME_MS, formatTimestamp, parseTimestamp } from '../../models/domain/timestamp.js';

const characters = (set: string) => fc.constantFrom(...Array.from(set));
const device = fc.string({ unit: characters('abcXYZ019_-.:@/'), minLength: 1, maxLength: 128 });
const channel = fc.string({ unit: characters('abcXYZ019 %[]°µ²'), minLength: 1, maxLength: 64 });

describe('parseReading (properties)', () => {
  it('never throws, and accepts nothing that breaks its promise', () => {
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), fc.anything()), (value) => {
        const answer = parseReading(value);
        if (typeof answer === 'string') return answer.length > 0;
        return isDeviceId(answer.device) && answer.channels.every((name) => isChannelName(name));
      }),
    );
  });

  it('gives back every reading that follows the rules', () => {
    const values = fc.dictionary(channel, fc.option(fc.double({ noNaN: true, noDefaultInfinity: true })), {
      minKeys: 1,
      maxKeys: 20,
    });
    fc.assert(
      fc.property(device, fc.integer({ min: 0, max: END_TIME_MS - 1 }), values, (id, timeMs, sent) => {
        const answer = parseReading({ device: id, ts: new Date(timeMs).toISOString(), values: sent });
        assert.ok(typeof answer === 'object', answer as string);
        assert.equal(answer.device, id);
        assert.equal(answer.timeMs, timeMs);
        assert.deepEqual(
          Object.fromEntries(answer.channels.map((name, c) => [name, answer.values[c]])),
          // There is one zero.
          Object.fromEntries(Object.entries(sent).map(([name, number]) => [name, number === null ? NaN : number + 0])),
        );
      }),
    );
  });

  it('keeps reasons short and printable, whatever was sent', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 5_000 }), (text) => {
        for (const value of [text, { device: text }, { device: 'a', ts: text }, { device: 'a', ts: 0, [text]: 1 }]) {
          const answer = parseReading(value);
          assert.equal(typeof answer, 'string');
          assert.ok((answer as string).length < 700);
          assert.doesNotMatch(answer as string, /\p{C}/u);
        }
      }),
    );
  });
});

describe('timestamps (properties)', () => {
  it('survive being written and read, to the microsecond', () => {
    const before2100Micros = Date.UTC(2100, 0, 1) * 1000;
    fc.assert(
      fc.property(fc.integer({ min: 0, max: before2100Micros }), (micros) => {
        const text = formatTimestamp(micros / 1000);
        const timeMs = parseTimestamp(text);
        assert.ok(typeof timeMs === 'number', String(timeMs));
        assert.equal(Math.round(timeMs * 1000), micros);
        assert.equal(formatTimestamp(timeMs), text);
      }),
    );
  });

  it('mean the same under every offset', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 86_400_000, max: END_TIME_MS - 86_400_001 }),
        fc.integer({ min: -1439, max: 1439 }),
        (timeMs, offsetMinutes) => {
          const local = new Date(timeMs + offsetMinutes * 60_000).toISOString().slice(0, -1);
          const sign = offsetMinutes < 0 ? '-' : '+';
          const hours = String(Math.floor(Math.abs(offsetMinutes) / 60)).padStart(2, '0');
          const minutes = String(Math.abs(offsetMinutes) % 60).padStart(2, '0');
          assert.equal(parseTimestamp(`${local}${sign}${hours}:${minutes}`), timeMs);
        },
      ),
    );
  });
});
