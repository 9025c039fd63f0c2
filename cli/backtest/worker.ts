/** A worker thread of `redshank backtest`: one series at a time, until it is ended. */
import { parentPort } from 'node:worker_threads';
import { runSeriesJob, type SeriesJob, type SeriesResult } from './series-job.js';

export type WorkerMessage =
  | { readonly type: 'progress'; readonly readBytes: number }
  | { readonly type: 'done'; readonly result: SeriesResult }
  | { readonly type: 'failed'; readonly reason: string };

const port = parentPort;
if (port === null) throw new Error('backtest/worker.ts runs as a worker thread only');
const send = (message: WorkerMessage): void => port.postMessage(message);

port.on('message', (job: SeriesJob) => {
  runSeriesJob(job, (readBytes) => send({ type: 'progress', readBytes })).then(
    (result) => send({ type: 'done', result }),
    (error: unknown) => send({ type: 'failed', reason: error instanceof Error ? error.message : String(error) }),
  );
});
