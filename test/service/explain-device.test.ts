import assert from 'node:assert/strict';
import { ScoreBatch, ScoreFlag, ScoreKind } from '../../models/domain/score-batch.js';
import { NotFoundError } from '../../models/errors.js';
import { explainDevice } from '../../services/scorer/explain-device.js';
import { openEmbeddedStorage } from '../../storage/embedded-storage.js';
import type { Storage } from '../../storage/storage.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const THRESHOLD = 0.5;
const NOW = 1_000_000_000;

describe('explain', () => {
  const folder = temporaryFolder();
  let storage: Storage;
  beforeEach(async () => {
    storage = await openEmbeddedStorage(folder());
  });
  afterEach(() => storage.close());

  async function explain(scores: readonly number[]) {
    const batch = ScoreBatch.create();
    scores.forEach((score, i) => {
      batch.add(ScoreKind.score, 0, 'default/a', i * 1_000, i * 1_000, 'standard', 'v', ['x']);
      batch.score.data[i] = score;
      batch.threshold.data[i] = THRESHOLD;
      batch.flags.data[i] = score >= THRESHOLD ? ScoreFlag.anomaly : 0;
    });
    await storage.readSide.writeScores(0, 1, batch);
    const { strange } = await explainDevice(storage.readSide, 'default', 'a', NOW);
    return strange.map(({ ts }) => Date.parse(ts) / 1_000);
  }

  const calm = (count: number) => new Array<number>(count).fill(0.1);

  it('shows the peak of an episode, not its tail', async () => {
    assert.deepEqual(await explain([...calm(5), 0.6, 0.9, 0.8, 0.55, ...calm(3)]), [6]);
  });

  it('takes what is close for one episode, newest first', async () => {
    const scores = [...calm(2), 0.9, ...calm(10), 0.6, ...calm(30), 0.7, ...calm(2)];
    assert.deepEqual(await explain(scores), [44, 2]);
  });

  it('says when there is no such device', async () => {
    await assert.rejects(explainDevice(storage.readSide, 'default', 'nobody', NOW), NotFoundError);
  });
});
