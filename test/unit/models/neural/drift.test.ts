import assert from 'node:assert/strict';
import { driftOf } from '../../../../models/neural/drift.js';
import { SeededRandom } from '../../../../models/simulator/random.js';
import { pairedRow, trainedModel } from '../../../support/trained-model.js';

describe('drift of a device', function () {
  this.timeout(60_000);
  type Change = (row: readonly [number, number]) => readonly [number, number];
  const rows = (seed: number, from: number, change: Change = (row) => row, count = 1_500) => {
    const random = new SeededRandom(seed);
    return [Float64Array.from(Array.from({ length: count }, (_, i) => change(pairedRow(random, from + i))).flat())];
  };

  it('is none while it stays as it was, also at a level of its own', async () => {
    const model = await trainedModel();
    for (const level of [0, 50]) {
      const at: Change = ([flow, pressure]) => [flow + level, pressure + 3 * level];
      const drift = driftOf(model, rows(1, 0, at), rows(2, 1_500, at))!;
      assert.equal(drift.verdict, 'stable', JSON.stringify(drift));
      assert.ok(drift.errors! > 0.8 && drift.errors! < 1.25);
    }
  });

  it('is strong when the level of a channel moves, and names it', async () => {
    const drift = driftOf(
      await trainedModel(),
      rows(1, 0),
      rows(2, 1_500, ([flow, pressure]) => [flow, pressure + 2]),
    )!;
    assert.equal(drift.verdict, 'strong');
    assert.ok(drift.inputs['pressure']! > 0.25 && drift.inputs['flow']! < 0.1, JSON.stringify(drift));
  });

  it('is strong when channels no longer go together, though each is as it was', async () => {
    // Pressure rises with flow, where it fell.
    const mirrored: Change = ([flow, pressure]) => [flow, 80 - pressure];
    const drift = driftOf(await trainedModel(), rows(1, 0), rows(2, 1_500, mirrored))!;
    assert.ok(drift.errors! >= 2.5, JSON.stringify(drift));
    assert.equal(drift.verdict, 'strong');
  });

  it('is not told of too few rows, nor where a channel is missing', async () => {
    const model = await trainedModel();
    assert.equal(driftOf(model, rows(1, 0, undefined, 100), rows(2, 0)), undefined);
    assert.equal(
      driftOf(
        model,
        rows(1, 0),
        rows(2, 0, ([flow]) => [flow, NaN]),
      ),
      undefined,
    );
  });
});
