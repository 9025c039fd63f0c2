import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ENSEMBLES } from '../../../../models/detectors/ensembles.js';
import { temporaryFolder } from '../../../support/temporary-folder.js';
import { run } from '../recording-terminal.js';

interface Told {
  readonly variants: readonly {
    readonly name: string;
    readonly judgements: readonly {
      readonly dataset: string;
      readonly isLabelled: boolean;
      readonly figures: readonly { readonly key: string; readonly value: number }[];
      readonly series: readonly { readonly name: string; readonly windows: number; readonly found: number }[];
    }[];
  }[];
  readonly changes?: readonly { readonly series: string; readonly isBetter: boolean }[];
}

const ROWS = 700;
const time = (row: number): string => new Date(Date.UTC(2026, 0, 1) + row * 60_000).toISOString();
/** Plain, with an obvious spike of 30 rows from row 500 on. */
const csv = `timestamp,value\n${Array.from({ length: ROWS }, (_, row) => {
  const value = row >= 500 && row < 530 ? 90 : Math.sin(row / 9) + ((row * 7_919) % 13) / 20;
  return `${time(row)},${value.toFixed(3)}\n`;
}).join('')}`;

describe('redshank backtest, judging', function () {
  this.timeout(60_000);
  const folder = temporaryFolder();
  let data: string;
  let command: string[];
  beforeEach(async () => {
    data = folder();
    command = ['backtest', '--data', data, '--out', join(folder(), 'out'), '--jobs', '1'];
    await mkdir(join(data, 'A'));
    await writeFile(join(data, 'A', 'pump.csv'), csv);
  });

  const label = (labels: unknown): Promise<void> => writeFile(join(data, 'A', 'labels.json'), JSON.stringify(labels));
  const told = async (...options: string[]): Promise<Told> => {
    const { exitCode, out, err } = await run([...command, ...options, '--json']);
    assert.equal(exitCode, 0, err);
    return JSON.parse(out) as Told;
  };

  it('says how good a profile was', async () => {
    await label({ series: { 'pump.csv': { rows: ROWS, ranges: [[500, 529]] } } });
    const { judgements } = (await told('--measures')).variants[0]!;
    assert.equal(judgements[0]!.isLabelled, true);
    assert.deepEqual(
      judgements[0]!.figures.map(({ key }) => key),
      ['vusPr', 'recallAt1', 'recallAt5', 'recallAt10', 'alertRecall', 'falseAlarms'],
    );
    const { windows, found } = judgements[0]!.series[0]!;
    assert.deepEqual([windows, found], [1, 1]);
  });

  it('takes windows of times for labels, too', async () => {
    await label({ series: { 'pump.csv': { windows: [[time(500), time(529)]] } } });
    const { found } = (await told('--measures')).variants[0]!.judgements[0]!.series[0]!;
    assert.equal(found, 1);
  });

  it('counts alerts where nothing is labelled, and says so', async () => {
    const { exitCode, out, err } = await run([...command, '--measures']);
    assert.equal(exitCode, 0);
    assert.match(out, /FA\/10k/);
    assert.match(err, /no labels\.json in A: there every alert counts as a false alarm/);
  });

  it('leaves out what labels exclude', async () => {
    await label({ series: { 'pump.csv': { ranges: [], exclude: true } } });
    assert.deepEqual((await told('--measures')).variants[0]!.judgements, []);
  });

  it('keeps the results where labels are wrong, and says what is', async () => {
    for (const [labels, words] of [
      [{ series: { 'pump.csv': { rows: 3 } } }, /for 3 rows, the series has 700/],
      [{ series: { 'pump.csv': { ranges: [[690, 700]] } } }, /range 0 \[690, 700\] must be ascending/],
      [{ series: { 'pump.csv': { windows: [['noon', 'one']] } } }, /window's time must be/],
      [{ rows: [] }, /labels of .*labels\.json cannot be used: \/series/],
    ] as const) {
      await label(labels);
      const { exitCode, err } = await run([...command, '--measures']);
      assert.equal(exitCode, 1);
      assert.match(err, words);
      assert.ok(existsSync(join(command[4]!, 'A', 'pump.csv')));
    }
  });

  it('compares two profiles, and says on which series they differ', async () => {
    await label({ series: { 'pump.csv': { ranges: [[500, 529]] } } });
    const deaf = join(data, 'deaf.yaml');
    await writeFile(deaf, 'detection:\n  warmUpFrames: 10000\n');
    const { variants, changes } = await told('--compare', 'standard', deaf);
    assert.deepEqual(
      variants.map(({ name }) => name),
      ['standard', 'deaf'],
    );
    assert.deepEqual(
      changes!.map(({ series, isBetter }) => [series, isBetter]),
      [['A/pump', false]],
    );
    const { out } = await run([...command, '--compare', 'standard', deaf]);
    assert.match(out, /A +alert recall +1\.00 +0\.00 +−1\.00/);
    assert.match(out, /deaf is worse on 1 series:\n {2}A\/pump: finds 1 → 0 of 1/);
  });

  it('leaves out each detector in turn', async () => {
    await label({ series: { 'pump.csv': { ranges: [[500, 529]] } } });
    const names = ENSEMBLES.standard.choices.map(({ name }) => `without ${name}`);
    const { out } = await run([...command, '--ablate']);
    for (const name of ['all', ...names]) assert.match(out, new RegExp(`^${name} `, 'm'));
  });

  it('estimates what a device costs', async () => {
    const { exitCode, out } = await run(['backtest', '--estimate', '--data', data, '--json']);
    assert.equal(exitCode, 0);
    const { estimates } = JSON.parse(out) as { estimates: Record<string, number>[] };
    assert.equal(estimates.length, 1);
    const { channels, stateBytes, scoringBytes, scoringMicros, totalMicros } = estimates[0]!;
    assert.equal(channels, 1);
    assert.ok(scoringBytes! > 0 && stateBytes! > scoringBytes!);
    assert.ok(scoringMicros! > 0 && totalMicros! > scoringMicros!);
  });

  it('asks for one thing at a time', async () => {
    for (const [options, words] of [
      [['--ablate', '--estimate'], /ask one/],
      [['--compare', 'standard'], /needs two profiles, got 1/],
      [['--compare', 'standard', 'standard', '--profile', 'a.yaml'], /leave --profile out/],
    ] as const) {
      const { exitCode, err } = await run([...command, ...options]);
      assert.equal(exitCode, 2);
      assert.match(err, words);
    }
    const { exitCode, err } = await run(['backtest', '--out', 'o']);
    assert.equal(exitCode, 2);
    assert.match(err, /'--data <dir>' not specified/);
  });
});
