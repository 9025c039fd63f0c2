/**
 * Nothing acknowledged is lost, doubled or reordered when the process is killed, and the scores are those of a run that was
 * never killed. `npm run test:crash` runs it with 200,000 readings and ten kills; here with fewer.
 */
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { temporaryFolder } from '../support/temporary-folder.js';
import { crashRun } from './crash-run.js';
import { judge } from './oracle.js';
import { workload } from './workload.js';

const READINGS = Number(process.env.CRASH_READINGS ?? 8_000);
const KILLS = Number(process.env.CRASH_KILLS ?? 3);
const SEED = Number(process.env.CRASH_SEED ?? Math.floor(Math.random() * 1e9));
const TIMEOUT_MS = 120_000 + READINGS * 4;

const script = (name: string) => ['--import', 'tsx', fileURLToPath(new URL(`./${name}`, import.meta.url))];

describe(`kill -9 while readings are posted (${READINGS} readings, ${KILLS} kills, seed ${SEED})`, function () {
  this.timeout(TIMEOUT_MS);
  const folder = temporaryFolder();

  it('loses nothing, doubles nothing, keeps order, and scores as if nothing had happened', async () => {
    const batches = workload(SEED, READINGS);
    const killed = await crashRun({ dataDir: folder(), batches, kills: KILLS, seed: SEED });
    assert.deepEqual(judge(killed.acknowledged, killed.scored), { lost: 0, doubled: 0, disordered: 0 });
    const calm = await crashRun({ dataDir: folder(), batches, kills: 0, seed: SEED });
    assert.deepEqual(killed.digests, calm.digests);
  });

  it('the same while snapshots are taken and logs trimmed all the time', async () => {
    const batches = workload(SEED, 6_000);
    const busy = { arguments: script('busy-node.ts') };
    const killed = await crashRun({
      dataDir: folder(),
      batches,
      kills: 4,
      seed: SEED,
      process: busy,
      withStops: true,
    });
    assert.deepEqual(judge(killed.acknowledged, killed.scored), { lost: 0, doubled: 0, disordered: 0 });
    const calm = await crashRun({ dataDir: folder(), batches, kills: 0, seed: SEED });
    assert.deepEqual(killed.digests, calm.digests);
  });

  it('notices a system that acknowledges before it has written', async () => {
    const { acknowledged, scored } = await crashRun({
      dataDir: folder(),
      batches: workload(SEED, 3_000),
      kills: 3,
      seed: SEED,
      process: { arguments: script('hasty-node.ts') },
      expectsLoss: true,
    });
    assert.ok(judge(acknowledged, scored).lost > 0);
  });

  it('notices a system that forgets what it has committed', async () => {
    const { acknowledged, scored } = await crashRun({
      dataDir: folder(),
      batches: workload(SEED, 3_000),
      kills: 2,
      seed: SEED,
      process: { arguments: script('forgetful-node.ts') },
    });
    const { doubled, disordered } = judge(acknowledged, scored);
    assert.ok(doubled > 0 || disordered > 0);
  });
});
