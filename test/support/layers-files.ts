/** Models of TensorFlow.js to bytes and back, as its own savers and loaders do it. */
import type * as Core from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import type { NetworkFiles } from '../../models/neural/exchange/network-files.js';
import { writeLayersModel } from '../../models/neural/exchange/layers-model.js';
import type { Network } from '../../models/neural/network.js';
import type { TensorFlow } from '../../models/neural/tensorflow.js';

export type LayersFiles = Extract<NetworkFiles, { format: 'layers' }>;

/** What `model.save` would write into a folder. */
export async function savedByTensorFlow({ tf }: TensorFlow, model: LayersModel): Promise<LayersFiles> {
  let artifacts: Core.io.ModelArtifacts | undefined;
  const handler = tf.io.withSaveHandler((given) => {
    artifacts = given;
    return Promise.resolve({ modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } });
  });
  await model.save(handler);
  const { modelTopology, format, generatedBy, weightSpecs, weightData } = artifacts!;
  const weightsManifest = [{ paths: ['weights.bin'], weights: weightSpecs }];
  return layersFiles(
    { modelTopology, format, generatedBy, weightsManifest },
    new Uint8Array(weightData as ArrayBuffer),
  );
}

export function savedByUs(network: Network): LayersFiles {
  const { model, weights } = writeLayersModel(network, 'weights.bin');
  return { format: 'layers', model, shards: new Map([['weights.bin', weights]]) };
}

export function layersFiles(modelJson: object, weights: Uint8Array): LayersFiles {
  return {
    format: 'layers',
    model: new TextEncoder().encode(JSON.stringify(modelJson)),
    shards: new Map([['weights.bin', weights]]),
  };
}

export async function loadedByTensorFlow({ layers }: TensorFlow, { model, shards }: LayersFiles): Promise<LayersModel> {
  const { modelTopology, weightsManifest } = JSON.parse(new TextDecoder().decode(model)) as {
    modelTopology: object;
    weightsManifest: { weights: Core.io.WeightsManifestEntry[] }[];
  };
  const weightData = shards.get('weights.bin')!.slice().buffer;
  const weightSpecs = weightsManifest[0]!.weights;
  return layers.loadLayersModel({ load: () => Promise.resolve({ modelTopology, weightSpecs, weightData }) });
}

/** The most by which the two differ on some windows of random numbers. */
export function worstDifference(
  { tf }: TensorFlow,
  model: LayersModel,
  network: Network,
  windows: readonly Float64Array[],
): number {
  const { steps, channels } = network.topology;
  let worst = 0;
  for (const window of windows) {
    const input = tf.tensor3d(Float32Array.from(window), [1, steps, channels]);
    const output = model.predict(input) as Core.Tensor;
    const expected = output.dataSync();
    network.run(window).forEach((value, i) => (worst = Math.max(worst, Math.abs(value - expected[i]!))));
    tf.dispose([input, output]);
  }
  return worst;
}
