import assert from 'node:assert/strict';
import { AlertBatch, type Alert, type AlertChange } from '../../models/domain/alert.js';
import { OutcomeCode } from '../../models/domain/outcome.js';
import { Phase, ScoreBatch, ScoreFlag, ScoreKind } from '../../models/domain/score-batch.js';
import { RequestInvalidError, StorageFailedError } from '../../models/errors.js';
import type { ReadSide, ScoreQuery } from '../../storage/read-side/read-side.js';

export interface OpenReadSide {
  readonly readSide: ReadSide;
  /** Opens the same storage again without a flush, as after a `kill -9`. */
  crash(): Promise<ReadSide>;
  dispose(): Promise<void>;
}

interface Row {
  readonly timeMs: number;
  /** Default: 5 ms after `timeMs`. */
  readonly receivedMs?: number;
  readonly device?: string;
  readonly kind?: number;
  readonly outcome?: number;
  readonly score?: number;
  readonly isAnomaly?: boolean;
}

function scores(rows: readonly Row[]): ScoreBatch {
  const batch = ScoreBatch.create();
  for (const row of rows) {
    const { timeMs, receivedMs = timeMs + 5, device = 'default/pump', isAnomaly } = row;
    const { kind = ScoreKind.score, outcome = 0, score = 0.1 } = row;
    const start = batch.add(kind, outcome, device, timeMs, receivedMs, 'standard', 'v1', ['temp', 'vib']);
    const at = batch.length - 1;
    batch.score.data[at] = score;
    batch.threshold.data[at] = 0.5;
    batch.phase.data[at] = Phase.ready;
    batch.progress.data[at] = 1;
    batch.flags.data[at] = isAnomaly === true ? ScoreFlag.anomaly : 0;
    batch.actual.data[start] = timeMs / 10;
    batch.contribution.data[start + 1] = 1;
    batch.addReason(3, 1, score, 2);
  }
  return batch;
}

/** Rows of the pump, with a command to forget it among them. */
function forgotten(before: readonly Row[], after: readonly Row[]): ScoreBatch {
  const batch = scores(before);
  batch.addCommand('default/pump', 0, 0, JSON.stringify({ type: 'device.forget', by: 'ops' }));
  const later = scores(after);
  for (let i = 0; i < later.length; i++) batch.copyFrom(later, i);
  return batch;
}

const scored = (from: number, to: number): Row[] =>
  Array.from({ length: to - from }, (_, i) => ({ timeMs: (from + i) * 1_000 }));
const late = (timeMs: number): Row => ({ timeMs, kind: ScoreKind.refused, outcome: OutcomeCode.late });

function alert(id: string, raisedMs: number, fields: Partial<Alert> = {}): Alert {
  return {
    id,
    tenant: 'default',
    device: 'pump',
    status: 'open',
    severity: 'warning',
    startedMs: raisedMs,
    raisedMs,
    changedMs: raisedMs,
    lastStrangeMs: raisedMs,
    peakScore: 0.9,
    channels: [],
    reasons: ['far from its usual level'],
    profile: 'standard',
    model: 'v1',
    history: [],
    ...fields,
  };
}

function alerts(...list: readonly Alert[]): AlertBatch {
  const batch = AlertBatch.create();
  const change: AlertChange = 'raised';
  for (const one of list) batch.add({ change, alert: one });
  return batch;
}

/** What every read side does. */
export function describeReadSide(name: string, open: () => Promise<OpenReadSide>): void {
  describe(`read side: ${name}`, () => {
    let storage: OpenReadSide;
    let readSide: ReadSide;

    const times = async (query: ScoreQuery, device = 'pump'): Promise<number[]> => {
      const { batch } = await readSide.scores('default', device, query);
      return Array.from(batch.timeMs.view());
    };
    const pages = async (query: ScoreQuery): Promise<number[]> => {
      const all: number[] = [];
      let cursor: string | undefined;
      do {
        const page = await readSide.scores('default', 'pump', cursor === undefined ? query : { ...query, cursor });
        assert.ok(page.batch.length <= query.limit);
        all.push(...page.batch.timeMs.view());
        cursor = page.next;
      } while (cursor !== undefined);
      return all;
    };

    beforeEach(async () => {
      storage = await open();
      readSide = storage.readSide;
    });
    afterEach(() => storage.dispose());

    describe('a device that is forgotten', () => {
      const other = { timeMs: 7_000, device: 'default/fan' };

      it('is gone at once, its neighbours are not', async () => {
        for (const isFlushed of [false, true]) {
          await readSide.writeScores(0, 1, scores([...scored(0, 100), other]));
          if (isFlushed) await readSide.flush();
          await readSide.writeScores(0, 2, forgotten([], []));
          for (let i = 0; i < 2; i++) {
            assert.equal(await readSide.device('default', 'pump'), undefined);
            assert.deepEqual(await times({ limit: 1_000 }), []);
            assert.deepEqual(await times({ limit: 1_000, fromMs: 0 }), []);
            assert.deepEqual(
              (await readSide.devices('default', { limit: 10 })).items.map(({ device }) => device),
              ['fan'],
            );
            assert.deepEqual(await times({ limit: 10 }, 'fan'), [7_000]);
            await readSide.flush();
          }
          await readSide.forget();
        }
      });

      it('comes back as a new one, with what came after that alone', async () => {
        await readSide.writeScores(0, 1, scores(scored(0, 100)));
        await readSide.flush();
        await readSide.writeScores(0, 2, forgotten(scored(100, 110), scored(50, 53)));
        for (let i = 0; i < 2; i++) {
          assert.deepEqual(await times({ limit: 1_000 }), [50_000, 51_000, 52_000]);
          assert.deepEqual(await times({ limit: 1_000, fromMs: 0 }), [50_000, 51_000, 52_000]);
          assert.equal((await readSide.device('default', 'pump'))?.outcomes.scored, 3);
          assert.equal((await readSide.device('default', 'pump'))?.firstSeenMs, 50_005);
          await readSide.flush();
        }
        await readSide.writeScores(0, 3, forgotten(scored(200, 203), []));
        await readSide.writeScores(0, 4, scores(scored(300, 302)));
        assert.deepEqual(await times({ limit: 1_000, fromMs: 0 }), [300_000, 301_000]);
      });

      it('stays so after a crash', async () => {
        await readSide.writeScores(0, 1, scores(scored(0, 100)));
        await readSide.writeScores(0, 2, forgotten([], scored(100, 101)));
        await readSide.flush();
        readSide = await storage.crash();
        assert.deepEqual(await times({ limit: 1_000 }), [100_000]);
      });

      it('loses its alerts, open and resolved', async () => {
        const fan = alert('f1', 5_000, { device: 'fan' });
        await readSide.writeAlerts(0, 1, alerts(alert('a1', 1_000), alert('a2', 2_000, { status: 'resolved' }), fan));
        const batch = alerts(alert('a3', 3_000));
        batch.add({ change: 'forgotten', tenant: 'default', device: 'pump' });
        batch.add({ change: 'raised', alert: alert('a4', 4_000) });
        await readSide.writeAlerts(0, 2, batch);
        const ids = async (query: object) =>
          (await readSide.alerts('default', { limit: 10, ...query })).items.map(({ id }) => id);
        assert.deepEqual(await ids({}), ['f1', 'a4']);
        assert.deepEqual(await ids({ device: 'pump' }), ['a4']);
        assert.deepEqual(await ids({ status: 'resolved' }), []);
        assert.equal(await readSide.alert('default', 'a1'), undefined);
        await readSide.writeScores(0, 1, scores(scored(0, 1)));
        assert.deepEqual((await readSide.device('default', 'pump'))?.openAlerts, ['a4']);
      });
    });

    describe('scores', () => {
      it('shows rows at once, and all that is in them', async () => {
        const written = scores([{ timeMs: 1_000, score: 0.75, isAnomaly: true }]);
        await readSide.writeScores(0, 1, written);
        for (let i = 0; i < 2; i++) {
          const { batch } = await readSide.scores('default', 'pump', { limit: 10 });
          assert.equal(batch.length, 1);
          assert.equal(batch.deviceKey(0), 'default/pump');
          assert.deepEqual(batch.encode(HEADER), written.encode(HEADER));
          await readSide.flush();
        }
      });

      it('knows nothing of a device that never was, or of a tenant of no such name', async () => {
        assert.deepEqual(await times({ limit: 10 }), []);
        assert.deepEqual((await readSide.scores('../x', 'a\0b', { limit: 10 })).batch.length, 0);
      });

      it('keeps devices and tenants apart', async () => {
        const rows = [
          { timeMs: 1, device: 'default/a' },
          { timeMs: 2, device: 'other/a' },
          { timeMs: 3, device: 'default/b' },
        ];
        await readSide.writeScores(0, 1, scores(rows));
        await readSide.flush();
        assert.deepEqual(await times({ limit: 10 }, 'a'), [1]);
      });

      it('gives the latest rows, oldest first, flushed or not', async () => {
        await readSide.writeScores(0, 1, scores(scored(0, 100)));
        await readSide.flush();
        await readSide.writeScores(0, 2, scores(scored(100, 103)));
        assert.deepEqual(await times({ limit: 5 }), [98_000, 99_000, 100_000, 101_000, 102_000]);
        assert.deepEqual(await times({ limit: 2, toMs: 50_000 }), [49_000, 50_000]);
      });

      it('pages through a range without holes or repeats', async () => {
        for (let i = 0; i < 30; i++) {
          await readSide.writeScores(0, i + 1, scores(scored(i * 10, i * 10 + 10)));
          if (i % 3 === 0) await readSide.flush();
        }
        const all = await pages({ fromMs: 15_000, toMs: 280_000, limit: 17 });
        assert.deepEqual(
          all,
          scored(15, 281).map((row) => row.timeMs),
        );
      });

      it('puts late rows where their time is', async () => {
        await readSide.writeScores(0, 1, scores(scored(0, 200)));
        await readSide.flush();
        await readSide.writeScores(0, 2, scores([late(500), late(100_500), late(7)]));
        const expected = [...scored(0, 200).map((row) => row.timeMs), 7, 500, 100_500].sort((a, b) => a - b);
        assert.deepEqual(await pages({ fromMs: 0, limit: 64 }), expected);
        await readSide.flush();
        assert.deepEqual(await pages({ fromMs: 0, limit: 64 }), expected);
      });

      it('keeps rows of one time in log order, however many', async () => {
        const stuck = Array.from({ length: 700 }, (_, i) => ({ timeMs: 5_000, score: i / 1_000 }));
        await readSide.writeScores(0, 1, scores([{ timeMs: 1 }, ...stuck.slice(0, 400)]));
        await readSide.flush();
        await readSide.writeScores(0, 2, scores([late(4_000), ...stuck.slice(400), { timeMs: 6_000 }]));
        await readSide.flush();
        const found: number[] = [];
        let cursor: string | undefined;
        do {
          const query = { fromMs: 5_000, toMs: 5_000, limit: 90, ...(cursor === undefined ? {} : { cursor }) };
          const page = await readSide.scores('default', 'pump', query);
          found.push(...page.batch.score.view());
          cursor = page.next;
        } while (cursor !== undefined);
        assert.deepEqual(
          found,
          stuck.map((row) => Math.fround(row.score)),
        );
        assert.equal((await times({ limit: 1_000 })).length, 703);
      });

      it('gives large pages', async () => {
        await readSide.writeScores(0, 1, scores(scored(0, 30_000)));
        await readSide.flush();
        assert.equal((await times({ fromMs: 0, limit: 10_000 })).length, 10_000);
        assert.equal((await pages({ fromMs: 0, limit: 10_000 })).length, 30_000);
      });

      it('leaves commands out', async () => {
        const batch = scores([{ timeMs: 1 }]);
        batch.addCommand('default/pump', 2, 2, '{}');
        await readSide.writeScores(0, 1, batch);
        assert.deepEqual(await times({ limit: 10 }), [1]);
        assert.ok(readSide.unflushedRows <= 1);
      });

      it('refuses a limit or cursor that makes no sense', async () => {
        for (const limit of [0, -1, 1.5, NaN, 100_001]) await assert.rejects(times({ limit }), RequestInvalidError);
        await readSide.writeScores(0, 1, scores([{ timeMs: 1 }]));
        for (const cursor of ['', 'x', '1', '1~x', '1~-5', '~', '9'.repeat(999)]) {
          await assert.rejects(times({ limit: 1, fromMs: 0, cursor }), RequestInvalidError);
        }
      });
    });

    describe('positions', () => {
      it('moves with a flush, and delivered chunks change nothing', async () => {
        const kept = await readSide.writeScores(0, 4, scores(scored(0, 3)));
        assert.ok(kept === 0 || kept === 4);
        assert.equal(await readSide.position('scores', 0), kept);
        await readSide.writeScores(0, 4, scores(scored(0, 3)));
        await readSide.flush();
        assert.equal(await readSide.position('scores', 0), 4);
        assert.equal(readSide.unflushedRows, 0);
        assert.equal(await readSide.writeScores(0, 3, scores(scored(5, 6))), 4);
        assert.deepEqual(await times({ limit: 10 }), [0, 1_000, 2_000]);
      });

      it('moves over chunks without rows', async () => {
        await readSide.writeScores(0, 7, scores([]));
        await readSide.writeAlerts(0, 9, alerts());
        await readSide.flush();
        readSide = await storage.crash();
        assert.equal(await readSide.position('scores', 0), 7);
        assert.equal(await readSide.position('alerts', 0), 9);
      });

      it('counts every row once over a crash and a second delivery', async () => {
        await readSide.writeScores(0, 1, scores(scored(0, 70)));
        await readSide.flush();
        const kept = await readSide.writeScores(0, 2, scores([...scored(70, 80), late(1)]));
        readSide = await storage.crash();
        assert.equal(await readSide.position('scores', 0), kept);
        assert.equal((await times({ limit: 1_000 })).length, kept === 1 ? 70 : 81);
        await readSide.writeScores(0, 1, scores(scored(0, 70)));
        await readSide.writeScores(0, 2, scores([...scored(70, 80), late(1)]));
        const summary = await readSide.device('default', 'pump');
        assert.deepEqual([summary?.outcomes.scored, summary?.outcomes.late], [80, 1]);
        await readSide.flush();
        assert.equal((await times({ limit: 1_000 })).length, 81);
      });

      it('refuses a chunk when what must be shown before it is not', async () => {
        await readSide.writeScores(0, 4, scores(scored(0, 1)));
        await readSide.writeAlerts(0, 4, alerts(alert('a1', 1_000)));
        await assert.rejects(readSide.writeScores(0, 7, scores(scored(6, 7)), 6), StorageFailedError);
        await assert.rejects(readSide.writeAlerts(0, 7, alerts(alert('a7', 1_000)), 6), StorageFailedError);
        await readSide.writeScores(0, 5, scores(scored(4, 5)), 4);
        assert.deepEqual(await times({ limit: 10 }), [0, 4_000]);
        assert.equal(await readSide.alert('default', 'a7'), undefined);
      });

      it('goes back to nothing when told to forget, and is filled again', async () => {
        const fill = async (): Promise<void> => {
          await readSide.writeScores(0, 1, scores(scored(0, 3)));
          await readSide.writeAlerts(0, 1, alerts(alert('a1', 1_000)));
          await readSide.flush();
        };
        await fill();
        await readSide.writeScores(0, 2, scores(scored(3, 5)));
        await readSide.put('job', 'default', 'k', Uint8Array.of(1), 1_000, 0);
        await readSide.forget();
        for (const topic of ['scores', 'alerts'] as const) assert.equal(await readSide.position(topic, 0), 0);
        assert.equal(await readSide.device('default', 'pump'), undefined);
        assert.deepEqual((await readSide.alerts('default', { limit: 10 })).items, []);
        assert.equal(readSide.unflushedRows, 0);
        await fill();
        assert.equal((await readSide.device('default', 'pump'))?.outcomes.scored, 3);
        assert.deepEqual(await times({ limit: 10 }), [0, 1_000, 2_000]);
        assert.ok(await readSide.alert('default', 'a1'));
        assert.deepEqual(await readSide.get('job', 'default', 'k', 1), Uint8Array.of(1));
      });

      it('takes writes during a flush', async () => {
        await readSide.writeScores(0, 1, scores(scored(0, 500)));
        const flushed = readSide.flush();
        await readSide.writeScores(0, 2, scores(scored(500, 510)));
        await flushed;
        assert.equal((await readSide.device('default', 'pump'))?.outcomes.scored, 510);
        await readSide.flush();
        assert.equal((await times({ limit: 1_000 })).length, 510);
      });

      it('never shows a row twice or not at all while a flush goes on', async () => {
        await readSide.writeScores(0, 1, scores(scored(0, 300)));
        const flush = { isDone: false };
        const flushed = readSide.flush().then(() => (flush.isDone = true));
        let looks = 0;
        for (; !flush.isDone; looks++) {
          assert.equal((await times({ limit: 1_000 })).length, 300);
          await new Promise((resolve) => setImmediate(resolve));
        }
        await flushed;
        assert.ok(looks > 0);
      });
    });

    describe('devices', () => {
      it('says how a device is', async () => {
        await readSide.writeScores(
          0,
          1,
          scores([{ timeMs: 1_000 }, { timeMs: 2_000, score: 0.75, isAnomaly: true }, late(3)]),
        );
        const expected = {
          tenant: 'default',
          device: 'pump',
          profile: 'standard',
          model: 'v1',
          phase: 'ready',
          progress: 1,
          channels: ['temp', 'vib'],
          firstSeenMs: 1_005,
          lastSeenMs: 2_005,
          lastReadingMs: 2_000,
          lastScore: 0.75,
          threshold: 0.5,
          isAnomaly: true,
          isSilent: false,
          outcomes: { scored: 2, duplicate: 0, conflict: 0, late: 1, future: 0, invalid: 0, filled: 0 },
          openAlerts: [],
        };
        assert.deepEqual(await readSide.device('default', 'pump'), expected);
        await readSide.flush();
        readSide = await storage.crash();
        assert.deepEqual(await readSide.device('default', 'pump'), expected);
        assert.equal(await readSide.device('default', 'nobody'), undefined);
      });

      it('is silent from a silence record until the next scored reading', async () => {
        await readSide.writeScores(0, 1, scores([{ timeMs: 1 }, { timeMs: 2, kind: ScoreKind.silence }, late(0)]));
        assert.equal((await readSide.device('default', 'pump'))?.isSilent, true);
        await readSide.writeScores(0, 2, scores([{ timeMs: 3 }]));
        assert.equal((await readSide.device('default', 'pump'))?.isSilent, false);
        assert.deepEqual(await times({ limit: 10 }), [0, 1, 2, 3]);
      });

      it('counts filled steps apart', async () => {
        await readSide.writeScores(0, 1, scores([{ timeMs: 1, outcome: OutcomeCode.filled }, { timeMs: 2 }]));
        const { outcomes } = (await readSide.device('default', 'pump'))!;
        assert.deepEqual([outcomes.filled, outcomes.scored], [1, 1]);
      });

      it('lists a tenant’s devices by id, in pages, flushed or not', async () => {
        const row = (id: string): Row => ({ timeMs: 1, device: id });
        await readSide.writeScores(0, 1, scores(['default/b', 'default/d:1', 'other/a'].map(row)));
        await readSide.flush();
        await readSide.writeScores(0, 2, scores(['default/c', 'default/a/1', 'default/b'].map(row)));
        const found: string[] = [];
        let cursor: string | undefined;
        do {
          const page = await readSide.devices('default', { limit: 2, ...(cursor === undefined ? {} : { cursor }) });
          found.push(...page.items.map((item) => item.device));
          cursor = page.next;
        } while (cursor !== undefined);
        assert.deepEqual(found, ['a/1', 'b', 'c', 'd:1']);
      });
    });

    describe('alerts', () => {
      it('finds an alert by id, as it is now', async () => {
        await readSide.writeAlerts(0, 1, alerts(alert('a1', 1_000)));
        await readSide.writeAlerts(0, 2, alerts(alert('a1', 1_000, { status: 'acknowledged' })));
        assert.equal((await readSide.alert('default', 'a1'))?.status, 'acknowledged');
        assert.equal(await readSide.alert('other', 'a1'), undefined);
        assert.equal(await readSide.alert('default', 'x\0'), undefined);
      });

      it('lists the newest first, in pages, by status and device', async () => {
        const list = [1, 2, 3, 4, 5].map((i) => alert(`a${i}`, i * 1_000, { device: i % 2 === 0 ? 'even' : 'odd' }));
        await readSide.writeAlerts(0, 1, alerts(...list));
        await readSide.writeAlerts(0, 2, alerts({ ...list[4]!, status: 'resolved', resolvedMs: 9_000 }));
        const ids = async (query: object): Promise<string[]> => {
          const found: string[] = [];
          let cursor: string | undefined;
          do {
            const page = await readSide.alerts('default', {
              limit: 2,
              ...query,
              ...(cursor === undefined ? {} : { cursor }),
            });
            found.push(...page.items.map((item) => item.id));
            cursor = page.next;
          } while (cursor !== undefined);
          return found;
        };
        assert.deepEqual(await ids({}), ['a5', 'a4', 'a3', 'a2', 'a1']);
        assert.deepEqual(await ids({ status: 'open' }), ['a4', 'a3', 'a2', 'a1']);
        assert.deepEqual(await ids({ status: 'resolved' }), ['a5']);
        assert.deepEqual(await ids({ device: 'odd' }), ['a5', 'a3', 'a1']);
        assert.deepEqual(await ids({ device: 'odd', status: 'open' }), ['a3', 'a1']);
      });

      it('shows a device its open alerts', async () => {
        await readSide.writeScores(0, 1, scores([{ timeMs: 1 }]));
        await readSide.writeAlerts(0, 1, alerts(alert('a1', 1_000)));
        assert.deepEqual((await readSide.device('default', 'pump'))?.openAlerts, ['a1']);
        await readSide.writeAlerts(0, 2, alerts(alert('a1', 1_000, { status: 'resolved', resolvedMs: 2_000 })));
        assert.deepEqual((await readSide.device('default', 'pump'))?.openAlerts, []);
      });

      it('ignores a chunk that was shown before', async () => {
        await readSide.writeAlerts(0, 5, alerts(alert('a1', 1_000)));
        await readSide.writeAlerts(0, 5, alerts(alert('a2', 1_000)));
        await readSide.flush();
        readSide = await storage.crash();
        await readSide.writeAlerts(0, 4, alerts(alert('a3', 1_000)));
        assert.deepEqual(
          (await readSide.alerts('default', { limit: 10 })).items.map((item) => item.id),
          ['a1'],
        );
      });
    });

    describe('expire', () => {
      /** A day's rows in a flush of their own, since rows that are stored together go together. */
      const writeDay = async (sequence: number, rows: readonly Row[]): Promise<void> => {
        await readSide.writeScores(0, sequence, scores(rows));
        await readSide.flush();
      };

      it('forgets rows that arrived before a time, and says how many', async () => {
        await writeDay(1, [...scored(0, 100), { timeMs: 1, device: 'default/b' }]);
        await writeDay(2, scored(200, 300));
        assert.equal(await readSide.expire(100_000), 101);
        assert.deepEqual(
          await times({ fromMs: 0, limit: 1_000 }),
          scored(200, 300).map((row) => row.timeMs),
        );
        assert.deepEqual(await times({ limit: 10 }, 'b'), []);
        assert.equal(await readSide.expire(100_000), 0);
        await writeDay(3, scored(300, 301));
        assert.equal((await times({ limit: 1_000 })).length, 101);
      });

      it('never forgets a row too early, and all of them in time', async () => {
        for (let i = 0; i < 20; i++) await writeDay(i + 1, scored(i * 15, i * 15 + 15));
        for (const beforeMs of [100_000, 200_000, 250_000]) {
          await readSide.expire(beforeMs);
          const kept = await times({ fromMs: 0, limit: 1_000 });
          for (const { timeMs } of scored(beforeMs / 1_000, 300)) assert.ok(kept.includes(timeMs), String(timeMs));
        }
        await readSide.expire(300_000);
        assert.deepEqual(await times({ fromMs: 0, limit: 1_000 }), []);
      });

      it('keeps what arrived lately, whatever its timestamps say', async () => {
        const now = 1_000_000;
        await writeDay(1, [{ timeMs: 5, receivedMs: now }]);
        await writeDay(2, [{ timeMs: 9 * now, device: 'default/ahead', receivedMs: 10 }]);
        assert.equal(await readSide.expire(now), 1);
        assert.deepEqual(await times({ limit: 10 }), [5]);
        assert.deepEqual(await times({ limit: 10 }, 'ahead'), []);
      });

      it('keeps late rows with those that are new', async () => {
        await writeDay(1, scored(0, 10));
        await writeDay(2, [{ ...late(3_500), receivedMs: 900_000 }]);
        await readSide.expire(500_000);
        assert.ok((await times({ limit: 100 })).includes(3_500));
        await readSide.expire(900_001);
        assert.deepEqual(await times({ limit: 100 }), []);
      });

      it('forgets resolved alerts whose last change arrived before it, and no others', async () => {
        const resolved = (id: string, resolvedMs: number, changedMs: number): Alert =>
          alert(id, 1, { status: 'resolved', resolvedMs, changedMs });
        await readSide.writeAlerts(0, 1, alerts(resolved('gone', 99, 99), alert('open', 2, { changedMs: 2 })));
        await readSide.writeAlerts(0, 2, alerts(resolved('old-data', 3, 100), resolved('judged', 3, 50)));
        await readSide.writeAlerts(0, 3, alerts({ ...resolved('judged', 3, 200), feedback: 'normal' }));
        await readSide.expire(100);
        assert.deepEqual((await readSide.alerts('default', { limit: 10 })).items.map((item) => item.id).sort(), [
          'judged',
          'old-data',
          'open',
        ]);
        assert.equal(await readSide.alert('default', 'gone'), undefined);
      });
    });

    describe('shelves', () => {
      const value = Uint8Array.of(1, 2, 3);

      it('keeps a value until its time is over, also over a crash', async () => {
        await readSide.put('idempotency', 'default', 'any \0 text ☃', value, 1_000, 5_000);
        readSide = await storage.crash();
        assert.deepEqual(await readSide.get('idempotency', 'default', 'any \0 text ☃', 5_999), value);
        assert.equal(await readSide.get('idempotency', 'default', 'any \0 text ☃', 6_000), undefined);
      });

      it('keeps shelves, tenants and keys apart', async () => {
        await readSide.put('job', 'default', 'k', value, 1_000, 0);
        assert.equal(await readSide.get('cache', 'default', 'k', 1), undefined);
        assert.equal(await readSide.get('job', 'other', 'k', 1), undefined);
        assert.equal(await readSide.get('job', 'default', 'l', 1), undefined);
      });

      it('lives as long as the last put says', async () => {
        await readSide.put('job', 'default', 'k', value, 1_000, 0);
        await readSide.put('job', 'default', 'k', Uint8Array.of(9), 5_000, 0);
        await readSide.expire(2_000);
        assert.deepEqual(await readSide.get('job', 'default', 'k', 2_000), Uint8Array.of(9));
        await readSide.expire(5_001);
        assert.equal(await readSide.get('job', 'default', 'k', 4_000), undefined);
      });
    });
  });
}

const HEADER = { epoch: 0, from: 0, to: 0, timeMs: 0 };
