import { scoreView, type ScoreView } from '../../models/domain/score-view.js';
import { ScoreFlag } from '../../models/domain/score-batch.js';
import { NotFoundError } from '../../models/errors.js';
import type { DeviceSummary, ReadSide } from '../../storage/read-side/read-side.js';

/** Rows to look back for strange ones. */
const LOOK_BACK = 2_000;
const MOST_STRANGE = 10;
/** Readings from the far future are never the latest; clocks of devices may run ahead a little. */
const LATEST_AHEAD_MS = 300_000;

export interface Explanation {
  readonly device: DeviceSummary;
  /** The latest score, strange or not. */
  readonly latest: ScoreView | undefined;
  /** The latest scores at or over the threshold, newest first. */
  readonly strange: readonly ScoreView[];
}

/** @param nowMs Unix ms @throws NotFoundError */
export async function explainDevice(
  readSide: ReadSide,
  tenant: string,
  device: string,
  nowMs: number,
): Promise<Explanation> {
  const summary = await readSide.device(tenant, device);
  if (summary === undefined) throw new NotFoundError(`there is no device ${device.slice(0, 128)}`);
  const { batch } = await readSide.scores(tenant, device, { toMs: nowMs + LATEST_AHEAD_MS, limit: LOOK_BACK });
  const strange: ScoreView[] = [];
  for (let i = batch.length - 1; i >= 0 && strange.length < MOST_STRANGE; i--) {
    if ((batch.flags.data[i]! & ScoreFlag.anomaly) !== 0) strange.push(scoreView(batch, i));
  }
  return {
    device: summary,
    latest: batch.length > 0 ? scoreView(batch, batch.length - 1) : undefined,
    strange,
  };
}
