/** A training, or what takes its place for a network from outside, in a thread of its own: whoever waits goes on answering others. */
import { Worker, type ResourceLimits } from 'node:worker_threads';
import type { NetworkFiles } from '../../models/neural/exchange/network-files.js';
import type { BackendName } from '../../models/neural/tensorflow.js';
import type { EpochReport, TrainingOptions } from '../../models/neural/training.js';
import type { TrainingSeries } from '../../models/neural/training-set.js';
import { ModelInvalidError, restoreError, type ErrorType } from '../../models/errors.js';

export interface TrainingTask {
  readonly series: readonly TrainingSeries[];
  readonly options: TrainingOptions;
  readonly backend: BackendName | 'auto';
  /** Whether it rests as long as it works: a server has others to serve. */
  readonly isGentle: boolean;
}

export interface CalibrationTask {
  readonly files: NetworkFiles;
  readonly series: readonly TrainingSeries[];
  readonly options: Pick<TrainingOptions, 'channels' | 'codeVersion'>;
}

export interface TrainingResult {
  /** The artifact as it is stored. */
  readonly bytes: Uint8Array;
  /** On validation windows, ascending. */
  readonly errors: Float64Array;
}

export type TrainingMessage =
  | { readonly type: 'epoch'; readonly report: EpochReport }
  /** The files of a network have been read. */
  | { readonly type: 'read' }
  | { readonly type: 'done'; readonly result: TrainingResult }
  | { readonly type: 'failed'; readonly errorType: ErrorType | undefined; readonly reason: string };

/** Reading a large network takes a second or two; one that takes longer was made to. */
const READ_LIMIT_MS = 60_000;
/** Of the thread's own objects; arrays of numbers do not count. */
const CALIBRATION_HEAP_MB = 2_048;

/**
 * @param signal ends the thread at once
 * @throws what the training throws; Error when the thread ends before it is done; the signal's reason
 */
export function trainInThread(
  task: TrainingTask,
  onEpoch: (report: EpochReport) => void,
  signal?: AbortSignal,
): Promise<TrainingResult> {
  return runInThread(task, (message) => message.type === 'epoch' && onEpoch(message.report), signal);
}

/**
 * Reads a network from outside and makes of it, without training, what a training makes.
 *
 * @param readLimitMs after which reading the network's files is given up
 * @throws ModelInvalidError when the network is refused; what a calibration throws; the signal's reason
 */
export async function calibrateInThread(
  task: CalibrationTask,
  signal: AbortSignal,
  readLimitMs = READ_LIMIT_MS,
): Promise<TrainingResult> {
  let isRead = false as boolean;
  const limit = new AbortController();
  const timer = setTimeout(
    () => limit.abort(new ModelInvalidError(`the network must be read within ${readLimitMs} ms, and was not`)),
    readLimitMs,
  );
  const onMessage = ({ type }: TrainingMessage): void => {
    if (type !== 'read') return;
    isRead = true;
    clearTimeout(timer);
  };
  try {
    return await runInThread(task, onMessage, AbortSignal.any([signal, limit.signal]), {
      maxOldGenerationSizeMb: CALIBRATION_HEAP_MB,
    });
  } catch (error) {
    const isFull = error instanceof Error && 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY';
    if (!isFull || isRead) throw error;
    throw new ModelInvalidError(`the network must be read within ${CALIBRATION_HEAP_MB} MB, and was not`, {
      cause: error,
    });
  } finally {
    clearTimeout(timer);
  }
}

async function runInThread(
  task: TrainingTask | CalibrationTask,
  onMessage: (message: TrainingMessage) => void,
  signal?: AbortSignal,
  resourceLimits: ResourceLimits = {},
): Promise<TrainingResult> {
  signal?.throwIfAborted();
  const isSource = import.meta.url.endsWith('.ts');
  const file = isSource ? './training-worker-from-source.js' : './training-worker.js';
  let stop: (() => void) | undefined;
  const worker = new Worker(new URL(file, import.meta.url), { execArgv: [], resourceLimits });
  try {
    return await new Promise<TrainingResult>((resolve, reject) => {
      worker.on('message', (message: TrainingMessage) => {
        if (message.type === 'done') resolve(message.result);
        else if (message.type === 'failed')
          reject(restoreError(message.errorType, message.reason, undefined) ?? new Error(message.reason));
        else onMessage(message);
      });
      worker.once('error', reject);
      worker.once('exit', () => reject(new Error('the thread of the training ended before it was done')));
      stop = () => reject(signal?.reason as Error);
      signal?.addEventListener('abort', stop, { once: true });
      worker.postMessage(task);
    });
  } finally {
    if (stop !== undefined) signal?.removeEventListener('abort', stop);
    await worker.terminate();
  }
}
