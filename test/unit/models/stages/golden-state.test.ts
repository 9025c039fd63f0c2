/** What each released version wrote is read by this one, and gone on with: `test/golden/state/<version>/`. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { AlertBatch } from '../../../../models/domain/alert.js';
import { FrameBatch } from '../../../../models/domain/frame-batch.js';
import { ReadingBatch } from '../../../../models/domain/reading-batch.js';
import { ScoreBatch } from '../../../../models/domain/score-batch.js';
import { alertingStage } from '../../../../models/stages/alerting.js';
import { scoringStage } from '../../../../models/stages/scoring.js';
import { windowStage } from '../../../../models/stages/window.js';
import { packageVersion } from '../../../../services/package-version.js';

const FOLDER = fileURLToPath(new URL('../../../golden/state/', import.meta.url));
const HEADER = { epoch: 3, from: 1, to: 1, timeMs: 1_000 };
const T = Date.UTC(2026, 0, 1);
/** The devices' readings before the snapshots, and those after. */
const BEFORE = [0, 300] as const;
const AFTER = [300, 420] as const;

function readings([from, to]: readonly [number, number]): ReadingBatch {
  const batch = ReadingBatch.create();
  batch.receivedMs = T + 1_000 * to;
  if (from === 0) {
    const definition = { window: { latenessMs: 2_000 } };
    batch.addCommand('', T, { type: 'profile.activate', profile: 'standard', version: '', definition, by: 'golden' });
  }
  for (let i = from; i < to; i++) {
    const temp = i >= 280 && i < 310 ? 90 : 20 + Math.fround(Math.sin(i));
    batch.addReading('default/pump-7', T + 1_000 * i, ['temp'], [temp]);
    if (i % 2 === 0) batch.addReading('acme/fan-1', T + 1_000 * i + 3, ['rpm', 'amps'], [900 + (i % 7), i % 5]);
  }
  return batch;
}

type States = Record<'window' | 'scorer' | 'alerting', Uint8Array>;

/** Runs the three stages from `states` on. */
function run(batch: ReadingBatch, states?: States) {
  const window = states === undefined ? windowStage.createState() : windowStage.restore(states.window);
  const scorer = states === undefined ? scoringStage.createState() : scoringStage.restore(states.scorer);
  const alerting = states === undefined ? alertingStage.createState() : alertingStage.restore(states.alerting);
  const [frames, scores, alerts] = [FrameBatch.create(), ScoreBatch.create(), AlertBatch.create()];
  for (let i = 0; i < batch.length; i++) windowStage.step(window, batch, i, frames);
  windowStage.advance(window, batch.receivedMs, frames);
  for (let i = 0; i < frames.length; i++) scoringStage.step(scorer, frames, i, scores);
  for (let i = 0; i < scores.length; i++) alertingStage.step(alerting, scores, i, alerts);
  return {
    frames,
    scores,
    alerts,
    states: {
      window: windowStage.snapshot(window),
      scorer: scoringStage.snapshot(scorer),
      alerting: alertingStage.snapshot(alerting),
    },
  };
}

/** File → bytes, as this version writes them. */
function written(): Readonly<Record<string, Uint8Array>> {
  const batch = readings(BEFORE);
  const { frames, scores, alerts, states } = run(batch);
  return {
    'readings.chunk': batch.encode(),
    'frames.chunk': frames.encode(HEADER),
    'scores.chunk': scores.encode(HEADER),
    'alerts.chunk': alerts.encode(HEADER),
    'window.snapshot': states.window,
    'scorer.snapshot': states.scorer,
    'alerting.snapshot': states.alerting,
  };
}

const own = `${FOLDER}${packageVersion()}`;
if (process.env['WRITE_GOLDEN'] !== undefined && !existsSync(own)) {
  mkdirSync(own, { recursive: true });
  for (const [name, bytes] of Object.entries(written())) writeFileSync(`${own}/${name}`, bytes);
}

describe('what a released version wrote', () => {
  const bytesOf = (version: string, name: string): Uint8Array =>
    Uint8Array.from(readFileSync(`${FOLDER}${version}/${name}`));

  it('is kept for this one, too', () => {
    assert.ok(existsSync(own), 'WRITE_GOLDEN=1 node test/run.js --spec test/unit/models/stages/golden-state.test.ts');
  });

  for (const version of readdirSync(FOLDER)) {
    it(`${version}: chunks are read, and say the same when they are written again`, () => {
      const batches = {
        'readings.chunk': ReadingBatch.decode(bytesOf(version, 'readings.chunk')),
        'frames.chunk': FrameBatch.decode(bytesOf(version, 'frames.chunk')),
        'scores.chunk': ScoreBatch.decode(bytesOf(version, 'scores.chunk')),
        'alerts.chunk': AlertBatch.decode(bytesOf(version, 'alerts.chunk')),
      };
      assert.deepEqual(
        Object.values(batches).map(({ length }) => length > 0),
        [true, true, true, true],
      );
      assert.equal(batches['readings.chunk'].length, 451);
      assert.deepEqual(
        FrameBatch.decode(batches['frames.chunk'].encode(HEADER)).timeMs.view(),
        batches['frames.chunk'].timeMs.view(),
      );
    });

    it(`${version}: snapshots are gone on with, as if nothing had been in between`, () => {
      const states = {
        window: bytesOf(version, 'window.snapshot'),
        scorer: bytesOf(version, 'scorer.snapshot'),
        alerting: bytesOf(version, 'alerting.snapshot'),
      };
      const [kept, now] = [run(readings(AFTER), states), run(readings(AFTER), run(readings(BEFORE)).states)];
      assert.deepEqual(kept.scores.encode(HEADER), now.scores.encode(HEADER));
      assert.deepEqual(kept.alerts.records, now.alerts.records);
      assert.ok(kept.alerts.records.some(({ change }) => change === 'resolved'));
    });
  }
});
