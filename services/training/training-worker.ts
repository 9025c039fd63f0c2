/** A worker thread that trains once. */
import { parentPort } from 'node:worker_threads';
import { RedshankError } from '../../models/errors.js';
import { encodeArtifact } from '../../models/neural/artifact.js';
import { openTensorFlow } from '../../models/neural/tensorflow.js';
import { trainAutoencoder } from '../../models/neural/training.js';
import type { TrainingMessage, TrainingResult, TrainingTask } from './training-thread.js';

const port = parentPort;
if (port === null) throw new Error('training-worker.ts runs as a worker thread only');
const send = (message: TrainingMessage): void => port.postMessage(message);

async function train({ series, options, backend }: TrainingTask): Promise<TrainingResult> {
  const tensorflow = await openTensorFlow(backend);
  const { header, weights, errors } = await trainAutoencoder(tensorflow, series, options, (report) =>
    send({ type: 'epoch', report }),
  );
  return { bytes: encodeArtifact(header, weights), errors };
}

port.once('message', (task: TrainingTask) => {
  train(task).then(
    (result) => send({ type: 'done', result }),
    (error: unknown) =>
      send({
        type: 'failed',
        errorType: error instanceof RedshankError ? error.type : undefined,
        reason: error instanceof Error ? error.message : String(error),
      }),
  );
});
