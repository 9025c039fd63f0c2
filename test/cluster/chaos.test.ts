/**
 * Nothing acknowledged is lost, doubled or reordered, and nothing is scored otherwise than by one process that was never
 * disturbed, while members of the cluster and its servers are killed, paused, cut off, taken away and added.
 *
 * Here every kind of fault comes once, several at a time. `npm run test:chaos` causes one after the other, in an order by a seed:
 * CHAOS_FAULTS (60), CHAOS_READINGS (100,000) and CHAOS_SEED, which is printed.
 */
import assert from 'node:assert/strict';
import { SeededRandom } from '../../models/simulator/random.js';
import { needsNatsServer } from '../support/nats-server.js';
import { needsRedis } from '../support/redis-server.js';
import { until } from '../support/until.js';
import { ChaosRun, UNFENCED_PARTS } from './chaos-run.js';
import { faultsBySeed, FAULTS, ROUNDS, type Fault, type FaultContext } from './faults.js';
import { quantile } from './hand-overs.js';
import { FLAWLESS } from './oracle.js';

const FAULT_COUNT = Number(process.env.CHAOS_FAULTS ?? 0);
const LEAST_READINGS = Number(process.env.CHAOS_READINGS ?? 5_000);
const SEED = Number(process.env.CHAOS_SEED ?? Math.floor(Math.random() * 1e9));
const READINGS_A_SECOND = Number(process.env.CHAOS_RATE ?? 400);
const SHORT_PATIENCE = 0.2;
/** What a hand-over may take here, where two cores are shared by a dozen processes; the figures are printed. */
const LONGEST_MS = { crash: 45_000, graceful: 20_000 } as const;

/** Who took longer to settle tells what it waited for. */
const LONG_MS = 15_000;

interface Row {
  readonly fault: string;
  readonly settledMs: number;
  /** What the cluster waited for last. */
  readonly waitedFor: string;
  readonly pausesMs: readonly number[];
}

describe(`cluster under faults (seed ${SEED})`, function () {
  this.timeout(240_000 + FAULT_COUNT * 120_000);
  let run: ChaosRun | undefined;

  before(function () {
    needsNatsServer(this);
  });
  needsRedis(this);

  afterEach(async function () {
    if (this.currentTest?.isFailed() === true && run !== undefined) console.log(run.cluster.report());
    await run?.stop();
    run = undefined;
  });

  async function cause(name: string, faults: readonly Fault[], patience: number, random: SeededRandom): Promise<Row> {
    const { cluster, handOvers } = run!;
    const context: FaultContext = { cluster, random, patience };
    const startMs = performance.now();
    await Promise.all(faults.map((fault) => fault.run(context)));
    const undoneMs = performance.now();
    const waitedFor = await cluster.settled();
    const settledMs = performance.now() - undoneMs;
    const stages = new Set(faults.flatMap(({ recovery }) => (recovery === undefined ? [] : [recovery.stage])));
    const changes = handOvers.since(startMs).filter(({ stage }) => stages.has(stage));
    assert.deepEqual(cluster.surprises(), []);
    // What came before the fault, such as a minute in which nothing was posted, is not its doing.
    const pausesMs = changes.map(({ pauseMs, atMs }) => Math.min(pauseMs, atMs - startMs));
    return { fault: name, settledMs, waitedFor, pausesMs };
  }

  /** @param tooSlow gets what took longer than it ever should: looked at last, for what is lost matters more. */
  async function causeAll(tooSlow: string[]): Promise<Row[]> {
    const random = new SeededRandom(SEED);
    const rows: Row[] = [];
    if (FAULT_COUNT === 0) {
      for (const { name, faults } of ROUNDS) {
        rows.push(await cause(name, faults, SHORT_PATIENCE, random));
        if (process.env.CHAOS_DEBUG)
          console.log(new Date().toISOString(), words(rows.at(-1)!), JSON.stringify(run!.load.counts));
      }
      return rows;
    }
    for (const fault of faultsBySeed(random, FAULT_COUNT)) {
      const row = await cause(fault.name, [fault], 1, random);
      const { acknowledged } = run!.load.counts;
      const why = row.settledMs > LONG_MS ? ` (waited for ${row.waitedFor})` : '';
      console.log(`    ${rows.length + 1}/${FAULT_COUNT} ${words(row)}, ${acknowledged} readings${why}`);
      rows.push(row);
      if (fault.recovery !== undefined && Math.max(0, ...row.pausesMs) > LONGEST_MS[fault.recovery.kind])
        tooSlow.push(words(row));
    }
    return rows;
  }

  it('loses nothing, doubles nothing, keeps order, and scores as if nothing had happened', async () => {
    run = await ChaosRun.start({ seed: SEED, readingsASecond: READINGS_A_SECOND });
    const tooSlow: string[] = [];
    const rows = await causeAll(tooSlow);
    await until('readings', () => run!.load.counts.acknowledged >= LEAST_READINGS, 240_000 + LEAST_READINGS * 10);
    const { verdict, evidence, shown } = await run.judge();
    print(rows);
    console.log(`    ${JSON.stringify({ ...run.load.counts, ...evidence, ...verdict })}`);
    assert.deepEqual(verdict, FLAWLESS, evidence.examples.join('\n'));
    assert.deepEqual([...shown, ...run.load.faults], []);
    assert.deepEqual(tooSlow, []);
    assert.ok(evidence.snapshots > 0 && evidence.scoreRows >= LEAST_READINGS);
  });

  it('control: without the fence the same is noticed', async function () {
    run = await ChaosRun.start({ seed: SEED, readingsASecond: READINGS_A_SECOND, parts: UNFENCED_PARTS });
    const pause = FAULTS.find(({ name }) => name === 'SIGSTOP of scorer beyond its lease')!;
    const random = new SeededRandom(SEED);
    await cause(pause.name, [pause], 1, random);
    const { verdict } = await run.judge(undefined, false);
    assert.ok(verdict.doubled > 0 || verdict.disordered > 0, JSON.stringify(verdict));
  });
});

function words({ fault, settledMs, pausesMs }: Omit<Row, 'waitedFor'>): string {
  const sec = (ms: number | undefined): string => (ms === undefined ? '–' : (ms / 1_000).toFixed(1));
  const pauses =
    pausesMs.length === 0
      ? ''
      : `, work paused p50 ${sec(quantile(pausesMs, 0.5))} s, max ${sec(quantile(pausesMs, 1))} s`;
  return `${fault}: settled after ${sec(settledMs)} s${pauses}`;
}

/** One row a kind of fault. */
function print(rows: readonly Row[]): void {
  for (const fault of [...new Set(rows.map((row) => row.fault))].sort()) {
    const same = rows.filter((row) => row.fault === fault);
    const settledMs = Math.max(...same.map((row) => row.settledMs));
    const pausesMs = same.flatMap((row) => row.pausesMs);
    console.log(`    ${same.length} × ${words({ fault, settledMs, pausesMs })}`);
  }
}
