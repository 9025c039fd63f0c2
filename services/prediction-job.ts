/** A prediction job as gateway and scorer see it: rows of series and results on the shelf `job` of the read side, by tenant. */
import type { SeriesScore } from '../models/scoring/score-series.js';

/** JSON on the shelf. */
export interface PredictionJob {
  readonly id: string;
  readonly createdMs: number;
  /** When somebody last worked on it, Unix ms: a job that nobody works on is taken up by whoever is asked for it. */
  readonly beatMs: number;
  readonly state: 'running' | 'done' | 'failed';
  readonly windowSize: number;
  readonly method: string;
  /** Version of the trained model, for the method `autoencoder`. */
  readonly model?: string;
  readonly series: readonly { readonly id: string; readonly rows: number }[];
  /** Series that have a result. */
  readonly done: number;
  readonly endedMs?: number;
  /** Why it failed. */
  readonly reason?: string;
}

/** Of one series. */
export type SeriesResult = { readonly scores: readonly SeriesScore[] } | { readonly error: string };

/** Keys on the shelf. */
export const jobKey = (id: string): string => id;
export const seriesKey = (id: string, index: number): string => `${id}/series/${index}`;
export const resultKey = (id: string, index: number): string => `${id}/result/${index}`;

const JOB_ID = /^[A-Za-z0-9_-]{22}$/;

export function isJobId(text: string): boolean {
  return JOB_ID.test(text);
}
