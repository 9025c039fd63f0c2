/**
 * How many windows a second a network restores: TensorFlow.js on each backend that loads here, with 1, 32 and 256 windows at once,
 * and the plain loops that score devices. Each is compared with calling TensorFlow.js window by window on its best backend.
 *
 * Rounds of all of them alternate, and the best of each counts: what else the machine does hits all alike.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildModel, topologyOf, weightsOf } from '../models/neural/architectures.js';
import { ARCHITECTURES } from '../models/neural/artifact.js';
import { Network } from '../models/neural/network.js';
import { BACKENDS, openTensorFlow } from '../models/neural/tensorflow.js';
import type { Topology } from '../models/neural/topology.js';
import { SeededRandom } from '../models/simulator/random.js';
import { RedshankProcess } from '../test/support/redshank-process.js';
import type { Report } from './measurement.js';
import { openLoopLatency, post } from './open-loop.js';

const STEPS = 30;
const SIZES = [
  { channels: 3, latent: 4 },
  { channels: 38, latent: 19 },
] as const;
const BATCHES = [1, 32, 256] as const;
const ROUNDS = 3;
const ROUND_MS = 400;
/** What many windows at once are to bring. */
const LEAST_RATIO = 20;
const HISTORY_ROWS = 5_000;
/** How much longer a score may take while the same process trains. */
const MOST_SLOWER = 1.2;

interface Contender {
  readonly name: string;
  /** Restores some windows. @returns how many */
  readonly run: () => number;
  windowsASecond: number;
}

export async function neuralBenchmark(report: Report): Promise<void> {
  await latencyWhileTraining(report);
  for (const { channels, latent } of SIZES) {
    for (const architecture of ARCHITECTURES) {
      const topology = topologyOf(architecture, { steps: STEPS, channels, latent });
      const label = `neural ${architecture}, ${channels} channels`;
      const [plain, ...others] = await contenders(topology);
      const all = [plain!, ...others];
      for (const { name, windowsASecond } of all)
        report({ name: `${label}: ${name}`, value: windowsASecond, unit: 'windows/s' });
      const speed = (name: string): number => all.find((one) => one.name === name)?.windowsASecond ?? NaN;
      const best = BACKENDS.find((backend) => !Number.isNaN(speed(`${backend}, 1 at a time`)))!;
      const singly = speed(`${best}, 1 at a time`);
      const together = speed(`${best}, 32 at a time`);
      report({ name: `${label}: ${best}, 32 / 1 at a time`, value: together / singly, unit: '×', target: LEAST_RATIO });
      report({ name: `${label}: plain loops / ${best} singly`, value: plain!.windowsASecond / singly, unit: '×' });
    }
  }
}

/** Post to score in a process that does nothing else, and in the same one while it trains. */
async function latencyWhileTraining(report: Report): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), 'redshank-bench-'));
  const redshank = await RedshankProcess.start({ dataDir });
  try {
    const readings = Array.from({ length: HISTORY_ROWS }, (_, row) => ({
      device: 'pump',
      ts: Date.now() - (HISTORY_ROWS - row) * 1_000,
      values: { temp: Math.sin(row / 9), vib: Math.cos(row / 9) },
    }));
    await post(redshank.url, JSON.stringify({ readings }));
    await openLoopLatency(redshank.url);
    const alone = await openLoopLatency(redshank.url);
    // Two channels and many passes: it is still at it at the end.
    const wish = { devices: ['pump'], architecture: 'lstm', epochs: 10_000 };
    const answer = await fetch(`${redshank.url}/v1/models/standard/train`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(wish),
    });
    if (answer.status !== 202) throw new Error(`a training was answered ${answer.status}: ${await answer.text()}`);
    const training = await openLoopLatency(redshank.url);
    for (const percentile of ['p50Ms', 'p99Ms'] as const) {
      const name = `neural: post to score, ${percentile.slice(0, 3)}, while it trains / alone`;
      report({ name, value: training[percentile] / alone[percentile], unit: '×', target: MOST_SLOWER, isCost: true });
    }
    report({ name: 'neural: post to score, p50 while it trains', value: training.p50Ms, unit: 'ms' });
    report({ name: 'neural: post to score, p99 while it trains', value: training.p99Ms, unit: 'ms' });
  } finally {
    await redshank.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
}

/** The plain loops first. Backends are tried one after the other, each with rounds of the loops in between. */
async function contenders(topology: Topology): Promise<Contender[]> {
  const size = topology.steps * topology.channels;
  const random = new SeededRandom(1, 'bench');
  const windows = Float32Array.from({ length: Math.max(...BATCHES) * size }, () => random.normal());
  let loops: Contender | undefined;
  const found: Contender[] = [];
  for (const backend of BACKENDS) {
    const tensorflow = await openTensorFlow(backend).catch(() => undefined);
    if (tensorflow === undefined) continue;
    const { tf } = tensorflow;
    const model = buildModel(tensorflow, topology, 1);
    loops ??= plainLoops(new Network(topology, weightsOf(model)), windows);
    const batches = BATCHES.map((batch): Contender => {
      const input = tf.tensor3d(windows.subarray(0, batch * size), [batch, topology.steps, topology.channels]);
      return {
        name: `${backend}, ${batch} at a time`,
        windowsASecond: 0,
        run: () => {
          const output = model.predict(input) as typeof input;
          output.dataSync();
          output.dispose();
          return batch;
        },
      };
    });
    found.push(...batches);
    measure([loops, ...batches]);
    model.dispose();
  }
  return [...(loops === undefined ? [] : [loops]), ...found];
}

/** As a detector calls them: one window at a time, of which the last row is wanted. */
function plainLoops(network: Network, windows: Float32Array): Contender {
  const { steps, channels } = network.topology;
  const window = new Float64Array(steps * channels);
  let next = 0;
  return {
    name: 'plain loops, 1 at a time, last row',
    windowsASecond: 0,
    run: () => {
      window.set(windows.subarray(next, next + window.length));
      next = (next + window.length) % windows.length;
      network.run(window, steps - 1);
      return 1;
    },
  };
}

function measure(all: readonly Contender[]): void {
  for (const { run } of all) run();
  for (let round = 0; round < ROUNDS; round++) {
    for (const one of all) {
      const startMs = performance.now();
      let count = 0;
      while (performance.now() - startMs < ROUND_MS) count += one.run();
      one.windowsASecond = Math.max(one.windowsASecond, (1_000 * count) / (performance.now() - startMs));
    }
  }
}
