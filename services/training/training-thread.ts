/** A training in a thread of its own: whoever waits for it goes on answering others. */
import { Worker } from 'node:worker_threads';
import type { BackendName } from '../../models/neural/tensorflow.js';
import type { EpochReport, TrainingOptions } from '../../models/neural/training.js';
import type { TrainingSeries } from '../../models/neural/training-set.js';
import type { ErrorType } from '../../models/errors.js';
import { restoreError } from '../../models/errors.js';

export interface TrainingTask {
  readonly series: readonly TrainingSeries[];
  readonly options: TrainingOptions;
  readonly backend: BackendName | 'auto';
  /** Whether it rests as long as it works: a server has others to serve. */
  readonly isGentle: boolean;
}

export interface TrainingResult {
  /** The artifact as it is stored. */
  readonly bytes: Uint8Array;
  /** On validation windows, ascending. */
  readonly errors: Float64Array;
}

export type TrainingMessage =
  | { readonly type: 'epoch'; readonly report: EpochReport }
  | { readonly type: 'done'; readonly result: TrainingResult }
  | { readonly type: 'failed'; readonly errorType: ErrorType | undefined; readonly reason: string };

/**
 * @param signal ends the thread at once
 * @throws what the training throws; Error when the thread ends before it is done; the signal's reason
 */
export async function trainInThread(
  task: TrainingTask,
  onEpoch: (report: EpochReport) => void,
  signal?: AbortSignal,
): Promise<TrainingResult> {
  signal?.throwIfAborted();
  const isSource = import.meta.url.endsWith('.ts');
  const file = isSource ? './training-worker-from-source.js' : './training-worker.js';
  let stop: (() => void) | undefined;
  const worker = new Worker(new URL(file, import.meta.url), { execArgv: [] });
  try {
    return await new Promise<TrainingResult>((resolve, reject) => {
      worker.on('message', (message: TrainingMessage) => {
        if (message.type === 'epoch') onEpoch(message.report);
        else if (message.type === 'done') resolve(message.result);
        else reject(restoreError(message.errorType, message.reason, undefined) ?? new Error(message.reason));
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
