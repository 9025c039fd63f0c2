import { setImmediate } from 'node:timers/promises';
import { NotFoundError, RequestInvalidError } from '../../models/errors.js';
import { scoreSeriesSlices, type SeriesScore } from '../../models/scoring/score-series.js';
import type { ReadSide } from '../../storage/read-side/read-side.js';
import type { ModelShelf } from '../model-shelf.js';
import { resultKey, seriesKey, type SeriesResult } from '../prediction-job.js';

/** Numbers that are scored in one go, some 20 ms: this thread also runs partitions and renews their leases. */
export const SLICE_VALUES = 500;

export interface JobSeries {
  readonly tenant: string;
  readonly job: string;
  readonly index: number;
  readonly windowSize: number;
  readonly method: string;
  readonly model?: string;
}

/** The result is kept as long as the job was when it began: it is put when the series is done. */
const RESULT_TTL_MS = 86_400_000;

/**
 * Scores the rows of one series and puts the result beside them. A series that cannot be scored has that as its result.
 *
 * @throws NotFoundError when the rows are gone. @throws StorageFailedError
 */
export async function predictSeries(
  readSide: ReadSide,
  shelf: ModelShelf,
  { tenant, job, index, windowSize, method, model: version }: JobSeries,
  nowMs: number,
): Promise<void> {
  const bytes = await readSide.get('job', tenant, seriesKey(job, index), nowMs);
  if (bytes === undefined) throw new NotFoundError(`series ${index} of this job is gone`);
  const rows = JSON.parse(Buffer.from(bytes).toString()) as number[][];
  const model = version === undefined ? undefined : await shelf.fetch(version);
  let result: SeriesResult;
  try {
    const scores: SeriesScore[] = [];
    for (const slice of scoreSeriesSlices(rows, { windowSize, method, model }, SLICE_VALUES)) {
      scores.push(...slice);
      await setImmediate();
    }
    result = { scores };
  } catch (error) {
    if (!(error instanceof RequestInvalidError)) throw error;
    result = { error: error.message };
  }
  await readSide.put('job', tenant, resultKey(job, index), Buffer.from(JSON.stringify(result)), RESULT_TTL_MS, nowMs);
}
