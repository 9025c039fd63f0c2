/** Runs series in worker threads, each thread one at a time. */
import { Worker } from 'node:worker_threads';
import type { SeriesJob, SeriesResult } from './series-job.js';
import type { WorkerMessage } from './worker.js';

export interface PoolOptions {
  /** Threads, at least 1. */
  readonly threads: number;
  readonly signal: AbortSignal;
  /** @param readBytes of this job's file so far. */
  readonly onProgress: (job: SeriesJob, readBytes: number) => void;
  readonly onDone: (job: SeriesJob, result: SeriesResult) => void;
  /** One series failed; the others go on. */
  readonly onFailed: (job: SeriesJob, reason: string) => void;
}

/** Resolves when every job is done or has failed, or after `signal`. Jobs start in the given order. */
export async function runJobs(jobs: readonly SeriesJob[], options: PoolOptions): Promise<void> {
  const queue = [...jobs];
  const threads = Math.min(options.threads, jobs.length);
  await Promise.all(Array.from({ length: threads }, () => runThread(queue, options)));
}

async function runThread(queue: SeriesJob[], options: PoolOptions): Promise<void> {
  let worker: Worker | undefined;
  for (let job = queue.shift(); job !== undefined && !options.signal.aborted; job = queue.shift()) {
    worker ??= startWorker();
    const isAlive = await runJob(worker, job, options);
    if (!isAlive) worker = undefined;
  }
  await worker?.terminate();
}

/** @returns whether the thread can take another job. */
function runJob(worker: Worker, job: SeriesJob, options: PoolOptions): Promise<boolean> {
  return new Promise((resolve) => {
    const onMessage = (message: WorkerMessage): void => {
      if (message.type === 'progress') {
        options.onProgress(job, message.readBytes);
        return;
      }
      if (message.type === 'done') options.onDone(job, message.result);
      else options.onFailed(job, message.reason);
      end(true);
    };
    const onError = (error: Error): void => {
      options.onFailed(job, error.message);
      end(false);
    };
    const onExit = (): void => onError(new Error('its thread ended before it was done'));
    const onAbort = (): void => {
      void worker.terminate().then(() => end(false));
    };
    // One by one: `removeAllListeners` would also take those by which Node keeps the thread's port alive.
    const end = (isAlive: boolean): void => {
      worker.off('message', onMessage).off('error', onError).off('exit', onExit);
      options.signal.removeEventListener('abort', onAbort);
      resolve(isAlive);
    };
    worker.on('message', onMessage).once('error', onError).once('exit', onExit);
    options.signal.addEventListener('abort', onAbort, { once: true });
    worker.postMessage(job);
  });
}

function startWorker(): Worker {
  const isSource = import.meta.url.endsWith('.ts');
  return new Worker(new URL(isSource ? './worker-from-source.js' : './worker.js', import.meta.url), { execArgv: [] });
}
