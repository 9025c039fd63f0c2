import type { ScoreView } from '../../models/domain/score-view.js';
import type { ApiClient } from '../client.js';
import { SeriesCollector } from '../../models/neural/series-collector.js';

/** Rows a request. */
const PAGE = 10_000;

/**
 * Reads what a server has scored. What was strange, and what was not measured, is not learned.
 *
 * @param sinceMs Unix ms
 * @param onProgress told the rows read
 * @throws CommandFailure when the server does not answer or does not know a device
 */
export async function seriesFromServer(
  client: ApiClient,
  devices: readonly string[],
  sinceMs: number,
  channels: readonly string[] | undefined,
  onProgress: (rows: number) => void,
): Promise<SeriesCollector> {
  const collector = new SeriesCollector(channels);
  let rows = 0;
  for (const device of devices) {
    const path = `/v1/devices/${encodeURIComponent(device)}/scores`;
    let cursor: string | undefined;
    do {
      const query = { from: sinceMs, limit: PAGE, cursor };
      const page: { scores: ScoreView[]; next?: string } = await client.get(path, { query });
      for (const { ts, outcome, isAnomaly, channels: views } of page.scores) {
        if (outcome !== 'scored') continue;
        const values = Object.entries(views).map(([name, view]) => [name, view.imputed ? null : view.actual] as const);
        collector.add(device, Date.parse(ts), Object.fromEntries(values), isAnomaly);
      }
      rows += page.scores.length;
      onProgress(rows);
      cursor = page.next;
    } while (cursor !== undefined);
  }
  return collector;
}
