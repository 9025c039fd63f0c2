import assert from 'node:assert/strict';
import fc from 'fast-check';
import { findJsonFault } from '../../../../services/gateway/json-fault.js';

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

describe('findJsonFault', () => {
  const faults: [string, number][] = [
    ['', 0],
    ['  ', 2],
    ['{', 1],
    ['{"a"', 4],
    ['{"a":1,}', 7],
    ['{"a":1 "b"', 7],
    ['{a:1}', 1],
    ['[1,]', 3],
    ['[1 2]', 3],
    ['[]]', 2],
    ['01', 1],
    ['1.', 2],
    ['1e+', 3],
    ['-', 1],
    ['+1', 0],
    ['nul', 0],
    ['NaN', 0],
    ['"a', 2],
    ['"a\nb"', 2],
    ['"\\x"', 2],
    ['"\\u12g4"', 2],
    ["'a'", 0],
  ];
  for (const [text, offset] of faults) {
    it(`finds the fault of ${JSON.stringify(text)} at ${offset}`, () => {
      assert.ok(!isJson(text));
      assert.equal(findJsonFault(text)?.offset, offset);
    });
  }

  it('counts lines and columns from 1', () => {
    const { line, column, found } = findJsonFault('{\n  "a": 1,\n  "b": x\n}')!;
    assert.deepEqual([line, column, found], [3, 8, '"x"']);
  });

  it('finds nothing in what JSON.parse accepts', () => {
    fc.assert(
      fc.property(fc.json(), fc.nat(4), (text, indent) => {
        assert.equal(findJsonFault(text), undefined);
        assert.equal(findJsonFault(JSON.stringify(JSON.parse(text), undefined, indent)), undefined);
      }),
    );
  });

  it('agrees with JSON.parse on damaged JSON', () => {
    const piece = fc.constantFrom(...Array.from('{}[],:"\\0123eE+-. \ntfnul'));
    fc.assert(
      fc.property(fc.json({ maxDepth: 2 }), fc.nat(), piece, fc.boolean(), (text, at, character, isInsert) => {
        const place = at % (text.length + 1);
        const damaged = text.slice(0, place) + character + text.slice(place + (isInsert ? 0 : 1));
        assert.equal(findJsonFault(damaged) === undefined, isJson(damaged), damaged);
      }),
      { numRuns: 2_000 },
    );
  });

  it('needs no stack for depth', () => {
    assert.equal(findJsonFault('['.repeat(1_000_000))?.offset, 1_000_000);
  });
});
