import { scoreView, type ScoreView } from '../../models/domain/score-view.js';
import { ScoreFlag, type ScoreBatch } from '../../models/domain/score-batch.js';
import { NotFoundError, StorageFailedError } from '../../models/errors.js';
import type { DeviceSummary, ReadSide } from '../../storage/read-side/read-side.js';

/** Rows to look back for strange ones. */
const LOOK_BACK = 5_000;
const MOST_EPISODES = 10;
/** Strange rows with no more calm ones between them belong to one episode. */
const CALM_WITHIN = 10;
/** Readings from the far future are never the latest; clocks of devices may run ahead a little. */
const LATEST_AHEAD_MS = 300_000;

export interface Explanation {
  readonly device: DeviceSummary;
  /** The latest score, strange or not. */
  readonly latest: ScoreView | undefined;
  /** The strangest score of each of the latest episodes, newest first: an episode's tail says little of what happened. */
  readonly strange: readonly ScoreView[];
}

/** @param nowMs Unix ms @throws NotFoundError @throws StorageFailedError the log does not answer, and the read side shows nothing strange */
export async function explainDevice(
  readSide: ReadSide,
  tenant: string,
  device: string,
  nowMs: number,
): Promise<Explanation> {
  const summary = await readSide.device(tenant, device);
  if (summary === undefined) throw new NotFoundError(`there is no device ${device.slice(0, 128)}`);
  const { batch, isOlderUnread } = await readSide.scores(tenant, device, {
    toMs: nowMs + LATEST_AHEAD_MS,
    limit: LOOK_BACK,
  });
  const peaks = episodePeaks(batch);
  // "Nothing was strange" must not be said of a part.
  if (isOlderUnread === true && peaks.length === 0) {
    throw new StorageFailedError(`the log does not answer, and the latest ${batch.length} scores show nothing strange`);
  }
  return {
    device: summary,
    latest: batch.length > 0 ? scoreView(batch, batch.length - 1) : undefined,
    strange: peaks.map((row) => scoreView(batch, row)),
  };
}

/** Rows with the highest score of each of the latest episodes, newest first. */
function episodePeaks(batch: ScoreBatch): number[] {
  const peaks: number[] = [];
  let earliest = Infinity;
  for (let i = batch.length - 1; i >= 0; i--) {
    if ((batch.flags.data[i]! & ScoreFlag.anomaly) === 0) continue;
    const isNewEpisode = earliest - i > CALM_WITHIN + 1;
    if (isNewEpisode && peaks.length === MOST_EPISODES) break;
    if (isNewEpisode) peaks.push(i);
    // Of equal scores the earlier one: that is where it happened.
    else if (batch.score.data[i]! >= batch.score.data[peaks.at(-1)!]!) peaks[peaks.length - 1] = i;
    earliest = i;
  }
  return peaks;
}
