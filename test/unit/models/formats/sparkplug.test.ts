import assert from 'node:assert/strict';
import { PayloadTooLargeError, RequestInvalidError } from '../../../../models/errors.js';
import {
  AliasTable,
  decodeSparkplug,
  MAX_BORN_METRICS,
  parseSparkplugTopic,
} from '../../../../models/formats/index.js';
import {
  doubleField,
  floatField,
  messageField,
  stringField,
  varintField,
  type Field,
} from '../../../support/protobuf-encoder.js';

const T = 1_767_225_600_000;
const RECEIVED_MS = T + 60_000;
const Type = {
  int8: 1,
  int16: 2,
  int32: 3,
  int64: 4,
  uint8: 5,
  uint16: 6,
  uint32: 7,
  uint64: 8,
  float: 9,
  double: 10,
} as const;
const [BOOLEAN, STRING, DATE_TIME] = [11, 12, 13] as const;

interface Given {
  readonly name?: string;
  readonly alias?: number;
  readonly timeMs?: number;
  readonly type?: number;
}

function metric({ name, alias, timeMs = T, type }: Given, ...others: readonly Field[]): Field {
  return messageField(
    2,
    ...(name === undefined ? [] : [stringField(1, name)]),
    ...(alias === undefined ? [] : [varintField(2, alias)]),
    varintField(3, timeMs),
    ...(type === undefined ? [] : [varintField(4, type)]),
    ...others,
  );
}

const payload = (seq: number, ...metrics: readonly Field[]): Buffer =>
  Buffer.concat([varintField(1, T + 1), ...metrics, varintField(3, seq)]);
const decode = (topic: string, body: Buffer, table = new AliasTable()) =>
  decodeSparkplug(parseSparkplugTopic(topic), body, table, { receivedMs: RECEIVED_MS });

const NODE_BIRTH = 'spBv1.0/plant/NBIRTH/edge-1';
const BIRTH = 'spBv1.0/plant/DBIRTH/edge-1/pump-7';
const DATA = 'spBv1.0/plant/DDATA/edge-1/pump-7';

/** An edge node that is born, with one device. */
function bornTable(): AliasTable {
  const table = new AliasTable();
  decode(NODE_BIRTH, payload(0, metric({ name: 'bdSeq', type: Type.uint64 }, varintField(11, 3))), table);
  decode(
    BIRTH,
    payload(
      1,
      metric({ name: 'temp', alias: 12, type: Type.double }, doubleField(13, 70)),
      metric({ name: 'level', alias: 13, type: Type.int16 }, varintField(10, 5)),
    ),
    table,
  );
  return table;
}

describe('decodeSparkplug', () => {
  it('reads a birth: its values are readings too', () => {
    const body = payload(
      0,
      metric({ name: 'Node Control/Rebirth', type: BOOLEAN }, varintField(14, 0)),
      metric({ name: 'bdSeq', type: Type.int64 }, varintField(11, 0)),
      metric({ name: 'Inputs/A', alias: 0, type: Type.float }, floatField(12, 0.5)),
      metric({ name: 'Inputs/B', alias: 1, type: BOOLEAN }, varintField(14, 1)),
      metric({ name: 'Properties/Hardware Make', type: STRING }, stringField(15, 'Raspberry Pi')),
      metric({ name: 'started', type: DATE_TIME }, varintField(11, T)),
    );
    assert.deepEqual(decode(NODE_BIRTH, body), {
      readings: [{ device: 'plant/edge-1', timeMs: T, channels: ['Inputs/A', 'Inputs/B'], values: [0.5, 1] }],
      rejected: [],
      rejectedCount: 0,
      ignoredCount: 4,
      seqGap: undefined,
      needsRebirth: false,
    });
  });

  it('knows from the birth what an alias stands for, and of which type it is', () => {
    const body = payload(
      2,
      metric({ alias: 12 }, doubleField(13, 71.2)),
      metric({ alias: 13 }, varintField(10, 0xffff_fffe)),
    );
    const { readings, needsRebirth } = decode(DATA, body, bornTable());
    assert.deepEqual(readings, [
      { device: 'plant/edge-1/pump-7', timeMs: T, channels: ['temp', 'level'], values: [71.2, -2] },
    ]);
    assert.equal(needsRebirth, false);
  });

  it('rejects an alias that no birth of this device has named, and asks for a rebirth', () => {
    const ofAnother = 'spBv1.0/plant/DDATA/edge-1/pump-8';
    for (const [topic, alias] of [
      [DATA, 99],
      [ofAnother, 12],
    ] as const) {
      const { rejected, needsRebirth } = decode(topic, payload(2, metric({ alias }, doubleField(13, 1))), bornTable());
      assert.equal(rejected[0]?.reason, `alias ${alias} is not known: no birth has named it`);
      assert.ok(needsRebirth);
    }
  });

  it('asks for a rebirth while no birth of the edge node was seen', () => {
    const { readings, needsRebirth } = decode(
      DATA,
      payload(7, metric({ name: 'a', type: Type.double }, doubleField(13, 1))),
    );
    assert.equal(readings.length, 1);
    assert.ok(needsRebirth);
  });

  it('keeps historical values as readings of their time', () => {
    const body = payload(
      2,
      metric({ alias: 12, timeMs: T - 1000 }, varintField(5, 1), doubleField(13, 1)),
      metric({ alias: 12 }, doubleField(13, 2)),
    );
    assert.deepEqual(
      decode(DATA, body, bornTable()).readings.map(({ timeMs, values }) => [timeMs, ...values]),
      [
        [T - 1000, 1],
        [T, 2],
      ],
    );
  });

  it('takes the time of the payload for a metric without one, and then that of receipt', () => {
    const untimed = messageField(2, stringField(1, 'a'), varintField(4, Type.double), doubleField(13, 1));
    assert.equal(decode(DATA, payload(0, untimed)).readings[0]?.timeMs, T + 1);
    assert.equal(decode(DATA, untimed).readings[0]?.timeMs, RECEIVED_MS);
  });

  it('ignores null', () =>
    assert.equal(decode(DATA, payload(2, metric({ alias: 12 }, varintField(7, 1))), bornTable()).ignoredCount, 1));

  const integers: [string, number, 10 | 11, bigint, number | RegExp][] = [
    ['Int8 in 8 bits', Type.int8, 10, 0xffn, -1],
    ['Int8 in 32 bits', Type.int8, 10, 0xffff_ff80n, -128],
    ['Int8', Type.int8, 10, 127n, 127],
    ['Int8', Type.int8, 10, 300n, /^metric "x" must fit into its datatype Int8, got 300$/],
    ['Int16', Type.int16, 10, 0x8000n, -32_768],
    ['Int16 in 32 bits', Type.int16, 10, 0xffff_8000n, -32_768],
    ['Int32', Type.int32, 10, 0xffff_ffffn, -1],
    ['Int32 as long', Type.int32, 11, 0xffff_ffff_ffff_ffffn, -1],
    ['Int64', Type.int64, 11, 0xffff_ffff_ffff_fffen, -2],
    ['Int64', Type.int64, 11, 0x8000_0000_0000_0000n, -(2 ** 63)],
    ['UInt8', Type.uint8, 10, 255n, 255],
    ['UInt8', Type.uint8, 10, 256n, /^metric "x" must fit into its datatype UInt8, got 256$/],
    ['UInt32', Type.uint32, 10, 0xffff_ffffn, 4_294_967_295],
    ['UInt32 as long', Type.uint32, 11, 0xffff_ffffn, 4_294_967_295],
    ['UInt64', Type.uint64, 11, 0xffff_ffff_ffff_ffffn, 2 ** 64],
  ];
  for (const [what, type, field, bits, expected] of integers) {
    it(`reads ${what} ${bits.toString(16)}`, () => {
      const { readings, rejected } = decode(DATA, payload(0, metric({ name: 'x', type }, varintField(field, bits))));
      if (typeof expected === 'number') assert.deepEqual(readings[0]?.values, [expected]);
      else assert.match(rejected[0]!.reason, expected);
    });
  }

  const rejected: [string, Field, RegExp][] = [
    ['neither name nor alias', metric({}, doubleField(13, 1)), /^a metric must have a name or an alias/],
    ['no value', metric({ name: 'x', type: Type.double }), /^metric "x" must have a floating-point number/],
    [
      'a text for an integer',
      metric({ name: 'x', type: Type.int8 }, stringField(15, '1')),
      /^metric "x" must have an integer, as its datatype Int8/,
    ],
    ['an integer of no datatype', metric({ name: 'x' }, varintField(10, 1)), /^metric "x" must have a datatype/],
    ['NaN', metric({ name: 'x', type: Type.double }, doubleField(13, NaN)), /^"x" must be a finite number/],
    [
      'a name that is no channel',
      metric({ name: 'é', type: Type.double }, doubleField(13, 1)),
      /^channel name must be/,
    ],
    [
      'a time of 64 bits',
      metric({ name: 'x', type: Type.double, timeMs: -1 }, doubleField(13, 1)),
      /^the time must lie in/,
    ],
  ];
  for (const [what, given, reason] of rejected) {
    it(`rejects ${what}`, () => assert.match(decode(DATA, payload(0, given)).rejected[0]!.reason, reason));
  }

  describe('seq', () => {
    const data = (seq: number): Buffer => payload(seq, metric({ alias: 12 }, doubleField(13, 1)));

    it('counts on over all devices, from 255 to 0', () => {
      const table = bornTable();
      for (let seq = 2; seq < 600; seq++) assert.equal(decode(DATA, data(seq % 256), table).seqGap, undefined);
    });

    it('reports a gap once, with the readings', () => {
      const table = bornTable();
      const { seqGap, needsRebirth, readings } = decode(DATA, data(5), table);
      assert.deepEqual([seqGap, needsRebirth, readings.length], [{ expected: 2, got: 5 }, true, 1]);
      assert.equal(decode(DATA, data(6), table).seqGap, undefined);
    });

    it('begins anew with the birth of the edge node, which ends that of its devices', () => {
      const table = bornTable();
      decode(NODE_BIRTH, payload(0), table);
      const { seqGap, rejectedCount, needsRebirth } = decode(DATA, data(1), table);
      assert.deepEqual([seqGap, rejectedCount, needsRebirth], [undefined, 1, true]);
    });
  });

  it('forgets a device at its death, and all of them at that of the edge node', () => {
    const table = bornTable();
    decode('spBv1.0/plant/DDEATH/edge-1/pump-7', payload(2), table);
    assert.ok(table.isAlive);
    assert.deepEqual(
      table.state().metrics.map(({ name }) => name),
      ['bdSeq'],
    );
    decode('spBv1.0/plant/NDEATH/edge-1', Buffer.alloc(0), table);
    assert.ok(!table.isAlive);
    assert.deepEqual(table.state(), { seq: undefined, metrics: [] });
  });

  it('goes on from a state that was put away', () => {
    const table = new AliasTable(structuredClone(bornTable().state()));
    const { readings, seqGap } = decode(DATA, payload(2, metric({ alias: 12 }, doubleField(13, 1))), table);
    assert.deepEqual([readings.length, seqGap], [1, undefined]);
  });

  it('refuses a birth of more metrics than a table holds, and remembers what it had', () => {
    const table = bornTable();
    const many = Array.from({ length: MAX_BORN_METRICS }, (_, i) => metric({ name: `m${i}`, alias: i }));
    assert.throws(() => decode(BIRTH, payload(2, ...many), table), PayloadTooLargeError);
    assert.equal(table.state().metrics.length, 3);
  });

  it('refuses commands, and what is no payload', () => {
    assert.throws(() => decode('spBv1.0/plant/NCMD/edge-1', payload(0)), /got the command NCMD/);
    assert.throws(() => decode(DATA, Buffer.from('{"temp":1}')), RequestInvalidError);
  });
});

describe('parseSparkplugTopic', () => {
  it('reads the levels', () => {
    assert.deepEqual(parseSparkplugTopic(DATA), { group: 'plant', type: 'DDATA', node: 'edge-1', device: 'pump-7' });
    assert.deepEqual(parseSparkplugTopic(NODE_BIRTH), {
      group: 'plant',
      type: 'NBIRTH',
      node: 'edge-1',
      device: undefined,
    });
  });

  const others = ['', 'spBv1.0', 'spAv1.0/g/NDATA/n', 'spBv1.0/STATE/host', 'spBv1.0/g/NDATA/n/d', 'spBv1.0/g/DDATA/n'];
  for (const topic of [
    ...others,
    'spBv1.0/g/DDATA/n/',
    'spBv1.0//NDATA/n',
    'spBv1.0/g/DDATA/n/d/x',
    'spBv1.0/g/data/n',
  ]) {
    it(`refuses ${topic || 'nothing'}`, () => assert.throws(() => parseSparkplugTopic(topic), RequestInvalidError));
  }
});
