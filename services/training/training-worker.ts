/** A worker thread that trains, or calibrates, once. */
import { readlinkSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parentPort } from 'node:worker_threads';
import { RedshankError } from '../../models/errors.js';
import { encodeArtifact } from '../../models/neural/artifact.js';
import { calibrateImported } from '../../models/neural/calibration.js';
import { readNetwork } from '../../models/neural/exchange/network-files.js';
import { openTensorFlow } from '../../models/neural/tensorflow.js';
import { trainAutoencoder, type EpochReport } from '../../models/neural/training.js';
import type { CalibrationTask, TrainingMessage, TrainingResult, TrainingTask } from './training-thread.js';

const port = parentPort;
if (port === null) throw new Error('training-worker.ts runs as a worker thread only');
const send = (message: TrainingMessage): void => port.postMessage(message);

async function train({ series, options, backend, isGentle }: TrainingTask): Promise<TrainingResult> {
  const tensorflow = await openTensorFlow(backend);
  const tell = (report: EpochReport): void => send({ type: 'epoch', report });
  const rest = isGentle ? restAsLongAsWorked() : undefined;
  const { header, weights, errors } = await trainAutoencoder(tensorflow, series, options, tell, undefined, rest);
  return { bytes: encodeArtifact(header, weights), errors };
}

function calibrate({ files, series, options }: CalibrationTask): TrainingResult {
  const network = readNetwork(files);
  send({ type: 'read' });
  const { header, weights, errors } = calibrateImported(network, series, options);
  return { bytes: encodeArtifact(header, weights), errors };
}

function restAsLongAsWorked(): () => Promise<void> {
  let sinceMs = performance.now();
  return async () => {
    await sleep(performance.now() - sinceMs);
    sinceMs = performance.now();
  };
}

/** Lets every other thread of the machine go first. Linux knows threads by a number of their own; elsewhere it stays as it is. */
function stepBack(): void {
  try {
    const thread = Number(basename(readlinkSync('/proc/thread-self')));
    setPriority(thread, constants.priority.PRIORITY_LOW);
  } catch {
    // It trains all the same, and competes with the others.
  }
}

stepBack();
port.once('message', (task: TrainingTask | CalibrationTask) => {
  const work = async (): Promise<TrainingResult> => ('files' in task ? calibrate(task) : train(task));
  work().then(
    (result) => send({ type: 'done', result }),
    (error: unknown) =>
      send({
        type: 'failed',
        errorType: error instanceof RedshankError ? error.type : undefined,
        reason: error instanceof Error ? error.message : String(error),
      }),
  );
});
