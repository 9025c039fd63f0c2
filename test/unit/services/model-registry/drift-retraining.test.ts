import assert from 'node:assert/strict';
import { pino } from 'pino';
import { completeProfile } from '../../../../models/profiles/profile.js';
import type { Model, Training } from '../../../../models/registry/registry.js';
import { DriftRetraining } from '../../../../services/model-registry/drift-retraining.js';
import type { DriftReport } from '../../../../services/model-registry/drift-watch.js';
import type { TrainingWish } from '../../../../services/model-registry/trainings.js';

const DAY_MS = 86_400_000;
const NOW_MS = 100 * DAY_MS;

describe('retraining after drift', () => {
  const trainedWith = (retrain?: 'suggest' | 'auto', trainings: readonly Partial<Training>[] = []) => {
    const definition = completeProfile('pump', {
      detection: { model: 'f'.repeat(64), ...(retrain !== undefined && { retrain }) },
    });
    const version = { version: 'v1', definition, registeredMs: 0, by: 'ann' };
    const aliases = { champion: 'v1', challenger: undefined };
    return { name: 'pump', versions: [version], aliases, history: [], trainings } as unknown as Model;
  };
  const report = (change: Partial<DriftReport> = {}): DriftReport => ({
    name: 'pump',
    version: 'v1',
    model: 'f'.repeat(64),
    inForceMs: 0,
    checkedMs: NOW_MS,
    devices: [
      { device: 'pump-1', verdict: 'strong', inputs: { temp: 1 }, errors: 3 },
      { device: 'pump-2', verdict: 'stable', inputs: { temp: 0 }, errors: 1 },
    ],
    unknown: 0,
    suggestion: 'train anew',
    ...change,
  });
  async function begun(model: Model, of: DriftReport = report()): Promise<TrainingWish[]> {
    const wishes: TrainingWish[] = [];
    const stand = {
      node: { clock: { wallMs: () => NOW_MS, monotonicMs: () => 0 }, logger: pino({ level: 'silent' }) },
      log: { refresh: () => Promise.resolve(), registry: { list: () => [model] } },
      drift: { look: () => Promise.resolve(of), show: () => undefined },
      trainings: { start: (wish: TrainingWish) => Promise.resolve(wishes.push(wish)) },
      signal: new AbortController().signal,
    };
    await new DriftRetraining(stand as unknown as ConstructorParameters<typeof DriftRetraining>[0]).look();
    return wishes;
  }

  it('begins where the profile says so, on the devices that have drifted', async () => {
    const [wish, ...more] = await begun(trainedWith('auto'));
    assert.deepEqual(more, []);
    assert.deepEqual([wish!.name, wish!.devices, wish!.by], ['pump', ['pump-1'], 'drift']);
    assert.match(wish!.note!, /1 of 2 devices/);
  });

  it('does not begin where it does not, nor without a suggestion', async () => {
    assert.deepEqual(await begun(trainedWith()), []);
    assert.deepEqual(await begun(trainedWith('suggest')), []);
    assert.deepEqual(await begun(trainedWith('auto'), report({ suggestion: null })), []);
  });

  it('begins at most once a week, and not while a training runs', async () => {
    const ended = (by: string, daysAgo: number) => ({
      by,
      state: 'done' as const,
      startedMs: NOW_MS - daysAgo * DAY_MS,
    });
    assert.equal((await begun(trainedWith('auto', [ended('drift', 6)]))).length, 0);
    assert.equal((await begun(trainedWith('auto', [ended('drift', 8), ended('ann', 1)]))).length, 1);
    assert.equal((await begun(trainedWith('auto', [{ by: 'ann', state: 'running', startedMs: 0 }]))).length, 0);
  });
});
