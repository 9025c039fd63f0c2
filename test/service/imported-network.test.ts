import assert from 'node:assert/strict';
import { cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeLayersFolder } from '../../cli/layers-folder.js';
import { decodeArtifact, type Artifact } from '../../models/neural/artifact.js';
import { ModelInvalidError } from '../../models/errors.js';
import { calibrateInThread } from '../../services/training/training-thread.js';
import { savedByUs } from '../support/layers-files.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { CHANNELS, pairedSeries, trainedModel } from '../support/trained-model.js';
import { run } from '../unit/cli/recording-terminal.js';

const golden = (name: string): string => fileURLToPath(new URL(`../golden/networks/${name}`, import.meta.url));

describe('redshank train --network', function () {
  this.timeout(120_000);
  const folder = temporaryFolder();
  let home = '';
  let data = '';
  let model: Artifact;
  const train = (network: string, ...more: string[]) =>
    run(['train', '--from', data, '--network', network, '--model-path', join(home, 'models'), ...more]);

  before(async () => {
    model = await trainedModel();
  });
  beforeEach(async () => {
    home = folder();
    data = join(home, 'pump.csv');
    const [series] = pairedSeries(600, 1);
    const rows = Array.from(series!.timesMs, (ms, row) =>
      [ms, ...series!.values.subarray(2 * row, 2 * row + 2)].join(','),
    );
    await writeFile(data, `ts,${CHANNELS.join(',')}\n${rows.join('\n')}\n`);
  });

  it('makes a model of an exported one, with the same weights', async () => {
    const layers = join(home, 'layers');
    await writeLayersFolder(layers, model);
    const about = JSON.parse(await readFile(join(layers, 'redshank.json'), 'utf8')) as Record<string, unknown>;
    const { channels, normaliser, errors } = model.header;
    assert.deepEqual([about['channels'], about['normaliser'], about['errors']], [channels, normaliser, errors]);
    const { exitCode, out, err } = await train(layers, '--json');
    assert.equal(exitCode, 0, err);
    const report = JSON.parse(out) as { model: string; architecture: string; training: { epochs: number } };
    assert.deepEqual([report.architecture, report.training.epochs], ['imported', 0]);
    const again = decodeArtifact(await readFile(report.model));
    assert.deepEqual([again.network.topology, again.network.weights], [model.network.topology, model.network.weights]);
    assert.deepEqual(again.header.channels, CHANNELS);
  });

  it('takes what Keras saved, and says when it restores nothing', async () => {
    const { exitCode, out, err } = await train(golden('convolution.keras'));
    assert.equal(exitCode, 0, err);
    assert.match(out, /The network as it was, its errors measured on \d+ windows of 2 channels: flow, pressure/);
    // Its weights are random.
    assert.match(err, /restores flow.* no better than the mean would/);
  });

  it('says why it takes one not', async () => {
    for (const [network, exitCode, words] of [
      [golden('hard-sigmoid.keras'), 1, /layer dense_3 \(Dense\) must not have the hard_sigmoid of Keras 3/],
      [join(home, 'none.h5'), 4, /none.h5 does not exist/],
      [data, 2, /--network must be a folder with model.json, a .keras or an .h5, got/],
      [home, 4, /model.json does not exist/],
    ] as const) {
      const { exitCode: code, err } = await train(network);
      assert.deepEqual([code, words.test(err)], [exitCode, true], err);
    }
    const other = await train(golden('memory.h5'), '--channels', 'flow');
    assert.deepEqual([other.exitCode, /as many channels as the network reads, 2, got 1/.test(other.err)], [1, true]);
  });

  it('reads no file outside of the folder, and none that never ends', async () => {
    const layers = join(home, 'layers');
    await writeLayersFolder(layers, model);
    const description = await readFile(join(layers, 'model.json'), 'utf8');
    await mkdir(join(home, 'escape'));
    await writeFile(join(home, 'escape', 'model.json'), description.replace('weights.bin', '../layers/weights.bin'));
    assert.match((await train(join(home, 'escape'))).err, /files in its own folder, got \.\.\/layers\/weights\.bin/);
    await mkdir(join(home, 'endless'));
    await cp(join(layers, 'model.json'), join(home, 'endless', 'model.json'));
    await symlink('/dev/zero', join(home, 'endless', 'weights.bin'));
    assert.match((await train(join(home, 'endless'))).err, /weights.bin must be a file/);
  });

  it('takes no option of a training', async () => {
    for (const option of [
      ['--epochs', '3'],
      ['--architecture', 'lstm'],
      ['--latent', '3'],
      ['--window', '9'],
      ['--seed', '2'],
    ]) {
      const { exitCode, err } = await train(golden('memory.h5'), ...option);
      assert.deepEqual([exitCode, err.includes(`cannot be used with option '${option[0]!}`)], [2, true], err);
    }
  });

  it('gives up on one that takes too long to read', async () => {
    const task = {
      files: savedByUs(model.network),
      series: pairedSeries(600),
      options: { channels: CHANNELS, codeVersion: 'test' },
    };
    // No thread starts in a millisecond.
    await assert.rejects(
      calibrateInThread(task, new AbortController().signal, 1),
      (error: unknown) => error instanceof ModelInvalidError && /must be read within 1 ms/.test(error.message),
    );
  });
});
