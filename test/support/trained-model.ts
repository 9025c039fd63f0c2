/** A small model that was really trained, once a process: two channels that go together, seen by three devices. */
import { encodeArtifact, decodeArtifact, type Artifact } from '../../models/neural/artifact.js';
import { openTensorFlow } from '../../models/neural/tensorflow.js';
import { trainAutoencoder, type TrainingOptions } from '../../models/neural/training.js';
import type { TrainingSeries } from '../../models/neural/training-set.js';
import { SeededRandom } from '../../models/simulator/random.js';

export const CHANNELS = ['flow', 'pressure'] as const;

/** Pressure follows flow; each device has a level of its own. */
export function pairedRow(random: SeededRandom, row: number, level = 0): [flow: number, pressure: number] {
  const wave = Math.sin(row / 7);
  return [level + 10 + wave + 0.05 * random.normal(), 3 * level + 40 - 2 * wave + 0.1 * random.normal()];
}

export function pairedSeries(rows: number, devices = 3): TrainingSeries[] {
  return Array.from({ length: devices }, (_, d) => {
    const random = new SeededRandom(d, 'paired');
    const values = Array.from({ length: rows }, (_, row) => pairedRow(random, row, d)).flat();
    return {
      device: `pump-${d}`,
      timesMs: Float64Array.from({ length: rows }, (_, row) => row * 1_000),
      values: Float64Array.from(values),
      excluded: [],
    };
  });
}

export const TRAINING: TrainingOptions = {
  architecture: 'dense',
  channels: CHANNELS,
  steps: 12,
  latent: 4,
  epochs: 30,
  seed: 7,
  codeVersion: 'test',
};

let bytes: Promise<Uint8Array> | undefined;

/** As it is stored. */
export function trainedModelBytes(): Promise<Uint8Array> {
  bytes ??= openTensorFlow('wasm')
    .then((tensorflow) => trainAutoencoder(tensorflow, pairedSeries(1_000), TRAINING))
    .then(({ header, weights }) => encodeArtifact(header, weights));
  return bytes;
}

export async function trainedModel(): Promise<Artifact> {
  return decodeArtifact(await trainedModelBytes());
}
