/**
 * Scores for people who watch: the event `score.computed`. It is for pictures, never for decisions: a bus may lose it, and it
 * is made only while somebody watches, since most of the time nobody does.
 */
import { deviceOf, tenantOf } from '../../models/domain/identity.js';
import { scoreView, type ScoreView } from '../../models/domain/score-view.js';
import { ScoreKind, type ScoreBatch } from '../../models/domain/score-batch.js';

export type LiveRow = ScoreView & { readonly device: string };

export interface LiveScores {
  readonly tenant: string;
  readonly rows: readonly LiveRow[];
}

/** Gateways say every 15 s that somebody watches; one word may get lost. */
export const WATCH_TTL_MS = 40_000;
/** Most rows told of one committed batch. */
const MOST_ROWS = 500;

export class LiveScoresWatch {
  #watchedUntilMs = 0;

  /** Somebody watches. @param nowMs monotonic */
  watched(nowMs: number): void {
    this.#watchedUntilMs = nowMs + WATCH_TTL_MS;
  }

  isWatched(nowMs: number): boolean {
    return nowMs < this.#watchedUntilMs;
  }
}

/** The rows of a batch, by tenant. Of a very large batch the last rows. */
export function liveScores(batch: ScoreBatch): LiveScores[] {
  const byTenant = new Map<string, LiveRow[]>();
  for (let i = Math.max(0, batch.length - MOST_ROWS); i < batch.length; i++) {
    if (batch.kind.data[i] === ScoreKind.command) continue;
    const key = batch.deviceKey(i);
    const row = { device: deviceOf(key), ...scoreView(batch, i) };
    const rows = byTenant.get(tenantOf(key));
    if (rows === undefined) byTenant.set(tenantOf(key), [row]);
    else rows.push(row);
  }
  return [...byTenant].map(([tenant, rows]) => ({ tenant, rows }));
}
