import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { run } from '../recording-terminal.js';

const head = 'timestamp,value\n';
const rows = (count: number): string =>
  Array.from({ length: count }, (_, i) => `${new Date(i * 60_000).toISOString().slice(0, 19)}Z,${Math.sin(i)}\n`).join(
    '',
  );

describe('redshank backtest', function () {
  this.timeout(60_000);
  let folder = '';
  let data = '';
  let out = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'redshank-test-'));
    [data, out] = [join(folder, 'data'), join(folder, 'out')];
    await mkdir(join(data, 'A', 'deep'), { recursive: true });
    await mkdir(join(data, 'A', 'train', 'deep'), { recursive: true });
  });
  afterEach(() => rm(folder, { recursive: true }));

  const lines = async (path: string): Promise<string[]> =>
    (await readFile(join(out, path), 'utf8')).trimEnd().split('\n');

  it('answers each row of a simulated data set, with its timestamp', async () => {
    const simulate = ['simulate', '--out', data, '--name', 'SIM', '--devices', '4', '--duration', '900', '--seed', '7'];
    assert.equal((await run(simulate)).exitCode, 0);
    const { exitCode, out: printed } = await run(['backtest', '--data', data, '--out', out, '--jobs', '2', '--json']);
    assert.equal(exitCode, 0);
    const names = (await readdir(join(data, 'SIM'))).filter((name) => name.endsWith('.csv'));
    assert.equal(names.length, 4);
    let total = 0;
    for (const name of names) {
      const given = (await readFile(join(data, 'SIM', name), 'utf8')).trimEnd().split('\n');
      const answered = await lines(join('SIM', name));
      assert.equal(answered[0], 'timestamp,score,event,alert');
      assert.deepEqual(
        answered.map((line) => line.split(',')[0]),
        given.map((line) => line.split(',')[0]),
      );
      for (const line of answered.slice(1)) assert.match(line, /^[^,]+,[\d.e-]+,[\d.e-]+,[01]$/);
      total += given.length - 1;
    }
    assert.equal((JSON.parse(printed) as { rows: number }).rows, total);
  });

  it('finds nested and packed series, and opens no labels unless it is asked for figures', async () => {
    await writeFile(join(data, 'A', 'labels.json'), 'not even JSON');
    await writeFile(join(data, 'A', 'deep', 'b.csv.gz'), gzipSync(head + rows(20)));
    assert.equal((await run(['backtest', '--data', data, '--out', out, '--jobs', '1'])).exitCode, 0);
    assert.deepEqual(await readdir(join(out, 'A')), ['deep']);
    assert.equal((await lines('A/deep/b.csv')).length, 21);
  });

  it('feeds history first with --warm, and writes none of it', async () => {
    await writeFile(join(data, 'A', 'train', 'deep', 'c.csv'), head + rows(200));
    const later = rows(230).split('\n').slice(200).join('\n');
    await writeFile(join(data, 'A', 'deep', 'c.csv'), head + later);
    const command = ['backtest', '--data', data, '--out', out, '--jobs', '1'];
    await run(command);
    const cold = await lines('A/deep/c.csv');
    await run([...command, '--warm']);
    const warm = await lines('A/deep/c.csv');
    assert.equal(warm.length, 31);
    assert.equal(cold.length, 31);
    assert.notDeepEqual(warm, cold);
  });

  it('matches the columns of a training file by name', async () => {
    const columns = (names: string, count: number): string =>
      `timestamp,${names}\n${Array.from({ length: count }, (_, i) => `${i},${i % 7},${i % 5}\n`).join('')}`;
    await writeFile(join(data, 'A', 'train', 'e.csv'), columns('gone,b', 100));
    await writeFile(join(data, 'A', 'e.csv'), columns('b,new', 20));
    assert.equal((await run(['backtest', '--data', data, '--out', out, '--jobs', '1', '--warm'])).exitCode, 0);
    assert.equal((await lines('A/e.csv')).length, 21);
  });

  it('writes nothing among what it reads', async () => {
    const series = join(data, 'A', 'f.csv');
    await writeFile(series, head + rows(5));
    for (const where of [data, join(data, 'out'), folder]) {
      const { exitCode, err } = await run(['backtest', '--data', data, '--out', where]);
      assert.equal(exitCode, 2, where);
      assert.match(err, /apart from --data/);
    }
    assert.equal(await readFile(series, 'utf8'), head + rows(5));
  });

  it('takes no results for series', async () => {
    await writeFile(join(data, 'A', 'f.csv'), head + rows(5));
    await run(['backtest', '--data', data, '--out', out, '--jobs', '1']);
    const again = ['backtest', '--data', folder, '--out', `${folder}-2`, '--jobs', '1', '--json'];
    const { out: printed } = await run(again);
    await rm(`${folder}-2`, { recursive: true });
    assert.equal((JSON.parse(printed) as { series: number }).series, 1);
  });

  it('refuses two files for one series', async () => {
    await writeFile(join(data, 'A', 'g.csv'), head + rows(5));
    await writeFile(join(data, 'A', 'g.csv.gz'), gzipSync(head + rows(5)));
    const { exitCode, err } = await run(['backtest', '--data', data, '--out', out]);
    assert.equal(exitCode, 2);
    assert.match(err, /both the series A\/g/);
  });

  it('holds the score where a row is no reading', async () => {
    await writeFile(
      join(data, 'A', 'd.csv'),
      `${head}${rows(5)}soon,1\n2020-01-01,warm\n2020-01-02,\n2020-01-03\n2020-01-04,1,2\n`,
    );
    assert.equal((await run(['backtest', '--data', data, '--out', out, '--jobs', '1'])).exitCode, 0);
    assert.deepEqual(
      (await lines('A/d.csv')).slice(6).map((line) => line.split(',')[0]),
      ['soon', '2020-01-01', '2020-01-02', '2020-01-03', '2020-01-04'],
    );
  });

  it('goes on when a series cannot be read, and says which', async () => {
    await writeFile(join(data, 'A', 'good.csv'), head + rows(5));
    await writeFile(join(data, 'A', 'bad.csv'), 'a,b\n1,2\n');
    const { exitCode, err } = await run(['backtest', '--data', data, '--out', out, '--jobs', '1']);
    assert.equal(exitCode, 5);
    assert.match(err, /A\/bad: no time column/);
    assert.deepEqual(await readdir(join(out, 'A')), ['good.csv']);
  });

  it('takes no data set for the folder that it is in', async () => {
    await writeFile(join(data, 'A', 'deep', 'b.csv'), head + rows(20));
    await writeFile(join(data, 'A', 'labels.json'), '{}');
    const { exitCode, err } = await run(['backtest', '--data', join(data, 'A'), '--out', out]);
    assert.equal(exitCode, 2);
    assert.match(err, /is a data set itself: give the folder that it is in, --data .*data\b/);
  });

  it('says of options and profiles what would change nothing', async () => {
    await writeFile(join(data, 'A', 'b.csv'), head + rows(20));
    const whole = join(folder, 'redshank.yaml');
    await writeFile(whole, 'profiles: { pump: { detection: { ensemble: light } } }');
    const light = join(folder, 'light.yaml');
    await writeFile(light, 'detection: { ensemble: light, without: [half-space-trees] }');
    const command = ['backtest', '--data', data, '--out', out];
    for (const [more, told] of [
      [['--channels', '3'], /--channels is for --estimate/],
      [['--profile', whole], /is a whole configuration, not a profile: put what stands below profiles\.pump/],
      [['--profile', light], /light has no half-space-trees, but residual, seasonal/],
    ] as const) {
      const { exitCode, err } = await run([...command, ...more]);
      assert.equal(exitCode, 2);
      assert.match(err, told);
    }
  });

  it('names the data set that was meant', async () => {
    await mkdir(join(data, 'SIMULATED'));
    const { exitCode, err } = await run(['backtest', '--data', data, '--out', out, '--datasets', 'SIMULATE']);
    assert.equal(exitCode, 4);
    assert.match(err, /did you mean "SIMULATED"\?/);
  });
});
