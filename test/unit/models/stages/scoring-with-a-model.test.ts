import assert from 'node:assert/strict';
import { FrameBatch, FrameKind } from '../../../../models/domain/frame-batch.js';
import { OutcomeCode } from '../../../../models/domain/outcome.js';
import { ScoreBatch } from '../../../../models/domain/score-batch.js';
import { scoreView } from '../../../../models/domain/score-view.js';
import { ModelUnavailableError } from '../../../../models/errors.js';
import type { Artifact } from '../../../../models/neural/artifact.js';
import { completeProfile, profileVersion } from '../../../../models/profiles/profile.js';
import { SeededRandom } from '../../../../models/simulator/random.js';
import { createScoringStage, type ModelSource } from '../../../../models/stages/scoring.js';
import { pairedRow, trainedModel } from '../../../support/trained-model.js';

const STEP_MS = 1_000;

function frames(from: number, to: number, channels: readonly string[] = ['flow', 'pressure']): FrameBatch {
  const random = new SeededRandom(from);
  const batch = FrameBatch.create();
  for (let step = from; step < to; step++) {
    const timeMs = step * STEP_MS;
    const facts = [FrameKind.frame, OutcomeCode.scored, 't/pump', timeMs, timeMs, STEP_MS, 0, 'standard'] as const;
    const start = batch.add(...facts, channels);
    pairedRow(random, step).forEach((value, c) => {
      batch.values.data[start + c] = value;
      batch.imputed.data[start + c] = 0;
    });
  }
  return batch;
}

function activation(model: string | undefined): { readonly batch: FrameBatch; readonly version: string } {
  const definition = completeProfile('standard', { detection: model === undefined ? {} : { model } });
  const version = profileVersion(definition);
  const batch = FrameBatch.create();
  const command = { type: 'profile.activate', profile: 'standard', version, definition, by: 'ada' };
  batch.addCommand('t/', 1, 2, JSON.stringify(command));
  return { batch, version };
}

describe('a scorer with a trained model', function () {
  this.timeout(60_000);
  let model: Artifact;

  before(async () => {
    model = await trainedModel();
  });

  function partition() {
    const loaded = new Map<string, Artifact>();
    const asked: string[] = [];
    const source: ModelSource = {
      get: (version) => loaded.get(version),
      load: (version) => {
        asked.push(version);
        if (version !== model.version) return Promise.reject(new ModelUnavailableError(`${version} is not stored`));
        loaded.set(version, model);
        return Promise.resolve();
      },
    };
    const stage = createScoringStage(source);
    const out = ScoreBatch.create();
    const self = {
      stage,
      state: stage.createState(),
      asked,
      out,
      take: async (batch: FrameBatch): Promise<void> => {
        await stage.prepare?.(batch);
        for (let i = 0; i < batch.length; i++) stage.step(self.state, batch, i, out);
      },
      versions: () => Array.from({ length: out.length }, (_, row) => scoreView(out, row).model),
    };
    return self;
  }

  it('is scored by it from one frame to the next, and no longer after a roll-back', async () => {
    const { take, versions } = partition();
    const [without, withIt] = [activation(undefined), activation(model.version)];
    await take(frames(0, 300));
    await take(withIt.batch);
    await take(frames(300, 600));
    await take(without.batch);
    await take(frames(600, 610));
    const changes = versions().filter((version, row, all) => row === 0 || version !== all[row - 1]);
    const rows = [without.version, withIt.version, without.version];
    // A command is a row of the batch, and carries no version of its own.
    assert.deepEqual(
      changes.filter((version) => version !== ''),
      rows,
    );
  });

  it('fetches a model once, before the command that names it', async () => {
    const { take, asked } = partition();
    await take(frames(0, 10));
    assert.deepEqual(asked, []);
    await take(activation(model.version).batch);
    await take(activation(model.version).batch);
    assert.deepEqual(asked, [model.version]);
  });

  it('waits where the model is not stored: its own log says that it must have it', async () => {
    const { take } = partition();
    await assert.rejects(take(activation('0'.repeat(64)).batch), ModelUnavailableError);
  });

  it('goes on after a snapshot bit for bit, and fetches the model for it', async () => {
    const [one, other] = [partition(), partition()];
    for (const batch of [activation(model.version).batch, frames(0, 500)]) await one.take(batch);
    const bytes = one.stage.snapshot(one.state);
    await other.stage.prepareRestore?.(bytes);
    other.state = other.stage.restore(bytes);
    one.out.clear();
    const encoded = ({ out }: typeof one) => out.encode({ epoch: 0, from: 0, to: 0, timeMs: 0 });
    for (const { take } of [one, other]) await take(frames(500, 700));
    assert.deepEqual(encoded(other), encoded(one));
    assert.deepEqual(other.asked, [model.version]);
  });

  it('scores a device that lacks a channel of the model without it', async () => {
    const [plain, trained] = [partition(), partition()];
    await trained.take(activation(model.version).batch);
    for (const { take } of [plain, trained]) await take(frames(0, 500, ['flow', 'valve']));
    const scores = ({ out }: typeof plain) => [...out.score.data.subarray(0, out.length)].slice(-500);
    assert.deepEqual(scores(trained), scores(plain));
  });
});
