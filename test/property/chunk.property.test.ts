import assert from 'node:assert/strict';
import fc from 'fast-check';
import { AlertBatch, type AlertRecord } from '../../models/domain/alert.js';
import { ChunkKind, decodeChunk, readChunkHeader } from '../../models/domain/chunk.js';
import { FrameBatch, FrameKind } from '../../models/domain/frame-batch.js';
import { ReadingBatch } from '../../models/domain/reading-batch.js';
import { ScoreBatch, ScoreKind } from '../../models/domain/score-batch.js';
import { StorageCorruptError } from '../../models/errors.js';

const characters = (set: string) => fc.constantFrom(...Array.from(set));

const header = fc.record({
  epoch: fc.nat(),
  from: fc.maxSafeNat(),
  to: fc.maxSafeNat(),
  timeMs: fc.double({ min: 0, max: 1e15, noNaN: true }),
});
const device = fc.string({ unit: characters('ab1/:@'), minLength: 1, maxLength: 12 });
const channels = fc.uniqueArray(fc.string({ unit: characters('tv°µ 1'), minLength: 1, maxLength: 5 }), {
  maxLength: 5,
});
const text = fc.string({ unit: characters('aé😀"\\{} ') });
const number = fc.double();
const float = fc.float();

const readingRecord = fc.record({
  device,
  timeMs: number,
  channels,
  numbers: fc.array(number, { minLength: 5, maxLength: 5 }),
});
const readingBatch = fc
  .tuple(fc.array(fc.oneof(readingRecord, fc.record({ device, timeMs: number, note: text }))), fc.maxSafeNat())
  .map(([records, receivedMs]) => {
    const batch = ReadingBatch.create();
    batch.receivedMs = receivedMs;
    for (const record of records) {
      if ('note' in record) {
        const command = { type: 'alert.acknowledge', alertId: record.note, by: 'x' } as const;
        batch.addCommand(record.device, record.timeMs, command);
      } else batch.addReading(record.device, record.timeMs, record.channels, record.numbers);
    }
    return batch;
  });

const frameRecord = fc.record({
  kind: fc.constantFrom(...Object.values(FrameKind)),
  outcome: fc.integer({ min: 0, max: 6 }),
  device,
  timeMs: number,
  receivedMs: number,
  stepMs: number,
  gapSteps: number,
  profile: text,
  channels,
  numbers: fc.array(number, { minLength: 5, maxLength: 5 }),
});
const frameBatch = fc.array(frameRecord).map((records) => {
  const batch = FrameBatch.create();
  for (const r of records) {
    if (r.kind === FrameKind.command) {
      batch.addCommand(r.device, r.timeMs, r.receivedMs, r.profile);
      continue;
    }
    const { kind, outcome, timeMs, receivedMs, stepMs, gapSteps, profile } = r;
    const start = batch.add(kind, outcome, r.device, timeMs, receivedMs, stepMs, gapSteps, profile, r.channels);
    for (let c = 0; c < r.channels.length; c++) {
      batch.values.data[start + c] = r.numbers[c]!;
      batch.imputed.data[start + c] = c % 2;
    }
  }
  return batch;
});

const scoreRecord = fc.record({
  kind: fc.constantFrom(...Object.values(ScoreKind)),
  outcome: fc.integer({ min: 0, max: 6 }),
  device,
  timeMs: number,
  receivedMs: number,
  profile: text,
  model: text,
  channels,
  actual: fc.array(number, { minLength: 5, maxLength: 5 }),
  floats: fc.array(float, { minLength: 8, maxLength: 8 }),
  reasons: fc.array(fc.tuple(fc.integer({ min: 0, max: 255 }), fc.nat({ max: 4 }), float, float), { maxLength: 4 }),
});
const scoreBatch = fc.array(scoreRecord).map((records) => {
  const batch = ScoreBatch.create();
  for (const r of records) {
    if (r.kind === ScoreKind.command) {
      batch.addCommand(r.device, r.timeMs, r.receivedMs, r.profile);
      continue;
    }
    const { kind, outcome, timeMs, receivedMs, profile, model } = r;
    const start = batch.add(kind, outcome, r.device, timeMs, receivedMs, profile, model, r.channels);
    const row = batch.length - 1;
    [batch.score, batch.event, batch.threshold, batch.progress].forEach((column, i) => {
      column.data[row] = r.floats[i]!;
    });
    for (let c = 0; c < r.channels.length; c++) {
      batch.actual.data[start + c] = r.actual[c]!;
      [batch.expected, batch.lower, batch.upper, batch.contribution].forEach((column, i) => {
        column.data[start + c] = r.floats[4 + i]!;
      });
    }
    for (const reason of r.reasons) batch.addReason(...reason);
  }
  return batch;
});

const alertRecord: fc.Arbitrary<AlertRecord> = fc.record({
  change: fc.constantFrom('raised', 'escalated', 'worsened', 'acknowledged', 'resolved', 'feedback'),
  alert: fc.record({
    id: text,
    tenant: text,
    device,
    status: fc.constantFrom('open', 'acknowledged', 'resolved'),
    severity: fc.constantFrom('info', 'warning', 'critical'),
    startedMs: fc.maxSafeNat(),
    raisedMs: fc.maxSafeNat(),
    changedMs: fc.maxSafeNat(),
    lastStrangeMs: fc.maxSafeNat(),
    peakScore: fc.double({ min: 0, max: 1, noNaN: true }),
    channels: fc.constant([]),
    reasons: fc.array(text, { maxLength: 3 }),
    profile: text,
    model: text,
    history: fc.constant([]),
  }),
});
const alertBatch = fc.array(alertRecord, { maxLength: 10 }).map((records) => {
  const batch = AlertBatch.create();
  for (const record of records) batch.add(record);
  return batch;
});

type Header = { epoch: number; from: number; to: number; timeMs: number };
interface Case {
  readonly name: string;
  readonly kind: ChunkKind;
  readonly bytes: fc.Arbitrary<Uint8Array>;
  /** Decodes and encodes again: equal bytes mean that nothing was lost. */
  readonly again: (bytes: Uint8Array, header: Header) => Uint8Array;
}

const withHeader = (batch: fc.Arbitrary<{ encode(header: Header): Uint8Array }>): fc.Arbitrary<Uint8Array> =>
  fc.tuple(batch, header).map(([records, head]) => records.encode(head));

const cases: readonly Case[] = [
  {
    name: 'readings',
    kind: ChunkKind.readings,
    bytes: readingBatch.map((batch) => batch.encode()),
    again: (bytes) => ReadingBatch.decode(bytes).encode(),
  },
  {
    name: 'frames',
    kind: ChunkKind.frames,
    bytes: withHeader(frameBatch),
    again: (bytes, head) => FrameBatch.decode(bytes).encode(head),
  },
  {
    name: 'scores',
    kind: ChunkKind.scores,
    bytes: withHeader(scoreBatch),
    again: (bytes, head) => ScoreBatch.decode(bytes).encode(head),
  },
  {
    name: 'alerts',
    kind: ChunkKind.alerts,
    bytes: withHeader(alertBatch),
    again: (bytes, head) => AlertBatch.decode(bytes).encode(head),
  },
];

for (const { name, kind, bytes, again } of cases) {
  describe(`a chunk of ${name}`, () => {
    it('survives the round trip, byte for byte', () => {
      fc.assert(fc.property(bytes, (chunk) => assert.deepEqual(again(chunk, readChunkHeader(chunk)), chunk)));
    });

    it('is read from any place in memory', () => {
      fc.assert(
        fc.property(bytes, fc.integer({ min: 1, max: 7 }), (chunk, offset) => {
          const moved = new Uint8Array(chunk.length + offset);
          moved.set(chunk, offset);
          assert.deepEqual(again(moved.subarray(offset), readChunkHeader(chunk)), chunk);
        }),
      );
    });

    it('is refused with any one bit flipped', () => {
      fc.assert(
        fc.property(bytes, fc.nat(), (chunk, bit) => {
          const damaged = Uint8Array.from(chunk);
          damaged[(bit >> 3) % damaged.length]! ^= 1 << (bit & 7);
          assert.throws(() => decodeChunk(damaged, kind), StorageCorruptError);
        }),
        { numRuns: 500 },
      );
    });

    it('is refused when cut or when bytes follow it', () => {
      fc.assert(
        fc.property(bytes, fc.nat(), fc.uint8Array({ minLength: 1 }), (chunk, at, more) => {
          assert.throws(() => decodeChunk(chunk.subarray(0, at % chunk.length), kind), StorageCorruptError);
          assert.throws(() => decodeChunk(Buffer.concat([chunk, more]), kind), StorageCorruptError);
        }),
      );
    });

    it('is refused as a chunk of any other kind', () => {
      fc.assert(
        fc.property(bytes, (chunk) => {
          for (const other of Object.values(ChunkKind)) {
            if (other !== kind) assert.throws(() => decodeChunk(chunk, other), StorageCorruptError);
          }
        }),
      );
    });
  });
}

describe('every bit of one chunk', () => {
  it('is guarded', () => {
    const batch = ReadingBatch.create();
    batch.addReading('default/pump-7', 1_767_225_600_000, ['temp', 'vib'], [71.2, NaN]);
    const chunk = batch.encode();
    for (let bit = 0; bit < chunk.length * 8; bit++) {
      const damaged = Uint8Array.from(chunk);
      damaged[bit >> 3]! ^= 1 << (bit & 7);
      assert.throws(() => ReadingBatch.decode(damaged), StorageCorruptError, `bit ${bit}`);
    }
  });
});
