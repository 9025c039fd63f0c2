import assert from 'node:assert/strict';
import type { Command } from '../../../../models/domain/command.js';
import { FrameBatch, FrameKind } from '../../../../models/domain/frame-batch.js';
import { OutcomeCode } from '../../../../models/domain/outcome.js';
import { Phase, ScoreBatch, ScoreFlag, ScoreKind } from '../../../../models/domain/score-batch.js';
import { scoreView } from '../../../../models/domain/score-view.js';
import { StorageCorruptError } from '../../../../models/errors.js';
import { completeProfile, profileVersion } from '../../../../models/profiles/profile.js';
import { scoringStage } from '../../../../models/stages/scoring.js';

const STEP_MS = 1_000;

/** One partition with a log of frames. */
class Partition {
  state = scoringStage.createState();
  readonly out = ScoreBatch.create();

  frame(device: string, step: number, values: Record<string, number>, more: Partial<FrameFacts> = {}): number {
    const { kind = FrameKind.frame, outcome = OutcomeCode.scored, profile = 'standard', gapSteps = 0 } = more;
    const batch = FrameBatch.create();
    const channels = Object.keys(values);
    const timeMs = step * STEP_MS;
    const start = batch.add(kind, outcome, device, timeMs, timeMs + 5, STEP_MS, gapSteps, profile, channels);
    channels.forEach((channel, c) => {
      batch.values.data[start + c] = values[channel]!;
      batch.imputed.data[start + c] = Number.isNaN(values[channel]!) || outcome === OutcomeCode.filled ? 1 : 0;
    });
    return this.take(batch);
  }

  command(device: string, command: Command): number {
    const batch = FrameBatch.create();
    batch.addCommand(device, 1, 2, JSON.stringify(command));
    return this.take(batch);
  }

  take(batch: FrameBatch): number {
    for (let i = 0; i < batch.length; i++) scoringStage.step(this.state, batch, i, this.out);
    return this.out.length - 1;
  }

  isAnomaly(row: number): boolean {
    return (this.out.flags.data[row]! & ScoreFlag.anomaly) !== 0;
  }

  restart(): void {
    this.state = scoringStage.restore(scoringStage.snapshot(this.state));
  }
}

interface FrameFacts {
  kind: number;
  outcome: number;
  profile: string;
  gapSteps: number;
}

const wave = (i: number): number => 20 + Math.sin(i) + Math.sin(1.7 * i);

function trained(device = 't/a', frames = 300): Partition {
  const partition = new Partition();
  for (let i = 0; i < frames; i++) partition.frame(device, i, { temp: wave(i), vib: wave(3 * i) });
  return partition;
}

function activate(profile: string, definition: unknown): Command {
  const version = profileVersion(completeProfile(profile, definition));
  return { type: 'profile.activate', profile, version, definition, by: 'test' };
}

describe('scoringStage', () => {
  it('scores the first frame 0, warming, never NaN', () => {
    const partition = new Partition();
    const row = partition.frame('t/a', 0, { temp: 20 });
    const view = scoreView(partition.out, row);
    assert.deepEqual([view.score, view.event, view.phase, view.isAnomaly], [0, 0, 'warming', false]);
    assert.ok(view.progress > 0 && view.threshold! > 0);
  });

  it('becomes ready and flags a spike, with channel, reason and band', () => {
    const partition = trained();
    const view = scoreView(partition.out, partition.frame('t/a', 300, { temp: 60, vib: wave(900) }));
    assert.equal(view.isAnomaly, true);
    assert.equal(view.phase, 'ready');
    assert.ok(view.channels['temp']!.contribution > 0.8);
    assert.match(view.reasons[0]!, /^temp is 60/);
    assert.ok(view.channels['temp']!.lower! < 20 && view.channels['temp']!.upper! < 60);
  });

  it('keeps devices apart', () => {
    const partition = trained('t/a');
    const row = partition.frame('t/b', 300, { temp: 60, vib: 1 });
    assert.equal(partition.out.phase.data[row], Phase.warming);
    assert.equal(scoringStage.deviceCount(partition.state), 2);
  });

  it('gives contributions that sum to 1', () => {
    const partition = trained();
    const row = partition.frame('t/a', 300, { temp: 60, vib: -60 });
    const start = partition.out.start(row);
    const sum = partition.out.contribution.data[start]! + partition.out.contribution.data[start + 1]!;
    assert.ok(Math.abs(sum - 1) < 1e-6);
  });

  it('marks a filled step and lets it teach nothing', () => {
    const partition = trained();
    const row = partition.frame('t/a', 300, { temp: 900, vib: 900 }, { outcome: OutcomeCode.filled });
    assert.equal(partition.out.outcome.data[row], OutcomeCode.filled);
    assert.equal(partition.isAnomaly(row), false);
    assert.equal(partition.isAnomaly(partition.frame('t/a', 301, { temp: 900, vib: 900 })), true);
  });

  it('passes refused readings on, unscored, and learns nothing from them', () => {
    const partition = trained();
    const before = scoringStage.snapshot(partition.state);
    const row = partition.frame('t/a', 10, { temp: 5 }, { kind: FrameKind.refused, outcome: OutcomeCode.late });
    assert.equal(partition.out.kind.data[row], ScoreKind.refused);
    assert.equal(partition.out.outcome.data[row], OutcomeCode.late);
    assert.ok(Number.isNaN(partition.out.score.data[row]!));
    assert.equal(partition.out.actual.data[partition.out.start(row)], 5);
    assert.deepEqual(scoringStage.snapshot(partition.state), before);
  });

  it('scores a silence 1 and says for how long', () => {
    const partition = trained();
    const silence = { kind: FrameKind.silence, outcome: OutcomeCode.filled, gapSteps: 119 };
    const view = scoreView(partition.out, partition.frame('t/a', 299 + 120, { temp: NaN, vib: NaN }, silence));
    assert.deepEqual([view.kind, view.score, view.isAnomaly], ['silence', 1, true]);
    assert.deepEqual(view.reasons, ['no readings for 2 min, usually one every 1 s']);
  });

  it('scores the silence of a device that it has never seen', () => {
    const partition = new Partition();
    const row = partition.frame('t/new', 9, {}, { kind: FrameKind.silence, gapSteps: 9 });
    assert.equal(partition.out.score.data[row], 1);
  });

  it('scores a frame without channels 0', () => {
    const partition = new Partition();
    assert.equal(partition.out.score.data[partition.frame('t/a', 0, {})], 0);
  });

  it('keeps what it knows when a channel appears', () => {
    const partition = trained();
    const row = partition.frame('t/a', 300, { temp: wave(300), vib: wave(900), flow: 7 });
    assert.equal(partition.out.phase.data[row], Phase.ready);
    assert.equal(partition.isAnomaly(row), false);
    assert.equal(partition.isAnomaly(partition.frame('t/a', 301, { temp: 60, vib: wave(903), flow: 7 })), true);
  });

  it('passes every command on, also one that it does not understand', () => {
    const partition = trained();
    const texts = ['{"type":"moon.land"}', 'not json', 'null', '{"type":"alert.feedback","verdict":"normal"}'];
    for (const text of texts) {
      const batch = FrameBatch.create();
      batch.addCommand('t/unknown', 1, 2, text);
      const row = partition.take(batch);
      assert.equal(partition.out.kind.data[row], ScoreKind.command);
      assert.equal(partition.out.commandText(row), text);
    }
  });

  it('learns the present level from the verdict normal', () => {
    const partition = trained();
    for (let i = 300; i < 310; i++) partition.frame('t/a', i, { temp: wave(i) + 30, vib: wave(3 * i) });
    assert.equal(partition.isAnomaly(partition.out.length - 1), true);
    const verdict = { type: 'alert.feedback', alertId: 'x', verdict: 'normal', teaches: true, by: 'me' } as const;
    partition.command('t/a', verdict);
    assert.equal(partition.isAnomaly(partition.frame('t/a', 310, { temp: wave(310) + 30, vib: wave(930) })), false);
  });

  it('learns nothing from a verdict on an alert that never was', () => {
    const partition = trained();
    for (let i = 300; i < 310; i++) partition.frame('t/a', i, { temp: wave(i) + 30, vib: wave(3 * i) });
    const before = scoringStage.snapshot(partition.state);
    partition.command('t/a', { type: 'alert.feedback', alertId: 'x', verdict: 'normal', by: 'me' } as Command);
    assert.deepEqual(scoringStage.snapshot(partition.state), before);
  });

  it('is no calmer after the verdict normal on an alert that is over, and more cautious', () => {
    const verdict = { type: 'alert.feedback', alertId: 'x', teaches: false, by: 'me' } as const;
    const [none, wrong, right] = ([undefined, 'normal', 'anomaly'] as const).map((said) => {
      const partition = trained();
      // Two alarms, so that the next one needs more.
      for (let i = 300; i < 470; i++) {
        const isFault = i === 300 || i === 400;
        partition.frame('t/a', i, { temp: wave(i) + (isFault ? 30 : 0), vib: wave(3 * i) });
      }
      if (said !== undefined) partition.command('t/a', { ...verdict, verdict: said });
      const row = partition.frame('t/a', 470, { temp: wave(470), vib: wave(1_410) });
      return { score: partition.out.score.data[row]!, threshold: partition.out.threshold.data[row]! };
    });
    assert.ok(wrong!.threshold > none!.threshold && right!.threshold < none!.threshold);
    assert.deepEqual([wrong!.score, right!.score], [none!.score, none!.score]);
  });

  it('scores by a new definition from its activation on, and keeps what stays the same', () => {
    const partition = trained();
    const loose = { detection: { falseAlarmsPerWeek: 500 } };
    const before = partition.out.threshold.data[partition.frame('t/a', 300, { temp: wave(300), vib: wave(900) })]!;
    partition.command('', activate('standard', loose));
    const row = partition.frame('t/a', 301, { temp: wave(301), vib: wave(903) });
    assert.equal(partition.out.modelVersion(row), profileVersion(completeProfile('standard', loose)));
    assert.equal(partition.out.phase.data[row], Phase.ready);
    assert.ok(partition.out.threshold.data[row]! < before);
  });

  it('starts anew under a profile with other detectors', () => {
    const partition = trained();
    partition.command(
      '',
      activate('other', { detection: { detectors: [{ name: 'residual', settings: { slow: 99 } }] } }),
    );
    const values = { temp: wave(301), vib: wave(903) };
    const row = partition.frame('t/a', 301, values, { profile: 'other' });
    assert.equal(partition.out.profileName(row), 'other');
    assert.equal(partition.out.phase.data[row], Phase.warming);
  });

  it('leaves devices of other profiles alone when a profile is activated for the first time', () => {
    const partition = trained();
    partition.command('', activate('other', { detection: { detectors: [{ name: 'residual' }] } }));
    const row = partition.frame('t/a', 301, { temp: wave(301), vib: wave(903) });
    assert.equal(partition.out.profileName(row), 'standard');
    assert.equal(partition.out.phase.data[row], Phase.ready);
  });

  it('ignores a definition that is not valid', () => {
    const partition = trained();
    const bad = { type: 'profile.activate', profile: 'standard', version: '0', by: 'x' } as const;
    partition.command('', { ...bad, definition: { detection: { detectors: [{ name: 'oracle' }] } } });
    assert.equal(partition.out.phase.data[partition.frame('t/a', 301, { temp: 20, vib: 20 })], Phase.ready);
  });

  it('remembers devices and profiles over a restart', () => {
    const partition = trained();
    partition.command('', activate('standard', { detection: { falseAlarmsPerWeek: 50 } }));
    const other = trained();
    other.command('', activate('standard', { detection: { falseAlarmsPerWeek: 50 } }));
    partition.restart();
    for (let i = 301; i < 340; i++) {
      partition.frame('t/a', i, { temp: wave(i) + (i > 320 ? 9 : 0), vib: wave(3 * i) });
      other.frame('t/a', i, { temp: wave(i) + (i > 320 ? 9 : 0), vib: wave(3 * i) });
    }
    assert.deepEqual(partition.out.score.view(), other.out.score.view());
    assert.deepEqual(scoringStage.snapshot(partition.state), scoringStage.snapshot(other.state));
  });

  it('refuses bytes that are no snapshot of it', () => {
    assert.throws(() => scoringStage.restore(new Uint8Array(64)), StorageCorruptError);
    const snapshot = scoringStage.snapshot(trained().state);
    snapshot[snapshot.length - 9]! ^= 1;
    assert.throws(() => scoringStage.restore(snapshot), StorageCorruptError);
  });

  it('keeps unknown what a row of 32-bit floats cannot hold', () => {
    const partition = new Partition();
    for (let i = 0; i < 50; i++) partition.frame('t/a', i, { temp: i % 2 === 0 ? 1e300 : -1e300 });
    const row = partition.frame('t/a', 50, { temp: 1e300 });
    assert.ok(Number.isNaN(partition.out.upper.data[partition.out.start(row)]!));
    assert.ok(partition.out.score.data[row]! >= 0);
  });

  it('keeps few of the ensembles it needed once', () => {
    const partition = new Partition();
    const values: Record<string, number> = {};
    for (let c = 0; c < 256; c++) {
      values[`c${c}`] = c;
      partition.frame('t/a', c, values);
    }
    assert.ok(partition.state.cachedEnsembles >= 10 && partition.state.cachedEnsembles <= 20);
  });

  it('waits for nothing', () => {
    assert.equal(scoringStage.wakeMs(scoringStage.createState()), Infinity);
  });
});
