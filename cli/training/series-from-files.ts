import { basename } from 'node:path';
import { isDeviceId } from '../../models/domain/identity.js';
import { openByteSource } from '../ingest/byte-source.js';
import { csvReadings } from '../ingest/csv-readings.js';
import type { CsvLayoutOptions } from '../../models/formats/csv-layout.js';
import { isBad } from '../ingest/source-row.js';
import { SeriesCollector } from '../../models/neural/series-collector.js';

/** What the CSV reader makes of a row's cells. */
type Values = Readonly<Record<string, number | null>>;

/**
 * Reads CSV files, gzip or not. Each is a device of its name, unless a column says the device.
 *
 * @throws CommandFailure when a file cannot be read as CSV
 */
export async function seriesFromFiles(files: readonly string[], options: CsvLayoutOptions): Promise<SeriesCollector> {
  const collector = new SeriesCollector(options.channelColumns);
  for (const file of files) {
    const source = await openByteSource(file, process.stdin);
    const device = options.deviceColumn === undefined ? deviceOf(file) : undefined;
    for await (const row of csvReadings(source.bytes, file, { ...options, device })) {
      if (isBad(row)) collector.skipped++;
      else collector.add(row.reading.device, row.reading.ts as number, row.reading.values as Values);
    }
  }
  return collector;
}

function deviceOf(file: string): string {
  const name = basename(file).replace(/\.csv(\.gz)?$/, '');
  return isDeviceId(name) ? name : 'device';
}
