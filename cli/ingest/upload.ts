/** Sends readings to a server in batches: in order, over restarts of the server. */
import { randomUUID } from 'node:crypto';
import type { ApiClient } from '../client.js';
import { isBad, type BadRow, type SourceReading, type SourceRow } from './source-row.js';

export interface UploadOptions {
  /** Readings a request, at least 1. */
  readonly batchSize: number;
  /** Called after each answer, with the totals so far. */
  readonly onProgress?: (totals: UploadTotals) => void;
}

export interface UploadTotals {
  /** Rows read. */
  rows: number;
  accepted: number;
  /** Of the accepted ones, those whose batch had to be sent again and may have been taken twice. */
  resent: number;
  /** Refused by this side or by the server. */
  invalid: number;
  /** The first `MAX_SHOWN` refusals. */
  readonly refusals: BadRow[];
  /** Devices of the rows, the first `MAX_DEVICES`. */
  readonly devices: Set<string>;
}

export function noTotals(): UploadTotals {
  return { rows: 0, accepted: 0, resent: 0, invalid: 0, refusals: [], devices: new Set() };
}

/** What `POST /v1/readings` answers, 202 and 422. */
interface IngestAnswer {
  readonly accepted?: number;
  readonly rejected?: readonly { readonly index: number; readonly reason: string }[];
  readonly rejectedCount?: number;
  /** Of a problem that concerns the request as a whole. */
  readonly title?: string;
  readonly detail?: string;
}

export const MAX_SHOWN = 10;
export const MAX_DEVICES = 20_000;
/** A batch is also full at this many characters of JSON: far below any server's limit. */
const MAX_BATCH_CHARACTERS = 4_000_000;

/**
 * Sends all rows and adds to `totals`. One request is in flight while the next batch is read: order is kept whatever fails in
 * between, and memory does not grow with the input. A retry carries the same `Idempotency-Key`, so that it is taken once unless
 * the server died, or ran out of time, between taking and answering: then `totals.resent` counts it. Nothing is scored twice
 * even so; the second copy gets the outcome `duplicate` or `late`.
 *
 * @throws CommandFailure when the server stays away or refuses the request itself; batches before it were accepted. What `rows`
 *   throws, after all rows before it have been sent.
 */
export async function upload(
  rows: AsyncIterable<SourceRow> | Iterable<SourceRow>,
  client: ApiClient,
  options: UploadOptions,
  totals: UploadTotals = noTotals(),
): Promise<UploadTotals> {
  const run = randomUUID();
  let batch: SourceReading[] = [];
  let characters = 0;
  let batches = 0;
  // A failed request is kept as a value until it is looked at: a rejection that nobody awaits yet would end the process.
  let inFlight: Promise<Error | undefined> = Promise.resolve(undefined);

  const flush = async (): Promise<void> => {
    const failure = await inFlight;
    if (failure !== undefined) throw failure;
    if (batch.length === 0) return;
    const full = batch;
    batch = [];
    characters = 0;
    for (const { reading } of full) if (totals.devices.size < MAX_DEVICES) totals.devices.add(reading.device);
    inFlight = send(client, full, `${run}-${++batches}`, totals).then(
      () => {
        options.onProgress?.(totals);
        return undefined;
      },
      (error: unknown) => (error instanceof Error ? error : new Error(String(error))),
    );
  };

  const finish = async (): Promise<void> => {
    await flush();
    const failure = await inFlight;
    if (failure !== undefined) throw failure;
  };

  let isSending = false;
  try {
    for await (const row of rows) {
      totals.rows++;
      if (isBad(row)) {
        refuse(totals, row);
        continue;
      }
      batch.push(row);
      characters += 40 + row.reading.device.length + 20 * Object.keys(row.reading.values ?? {}).length;
      if (batch.length < options.batchSize && characters < MAX_BATCH_CHARACTERS) continue;
      isSending = true;
      await flush();
      isSending = false;
    }
  } catch (error) {
    // Not what the server said, but a damaged source: what stood before the damage is sound.
    if (!isSending) await finish();
    throw error;
  }
  await finish();
  return totals;
}

async function send(
  client: ApiClient,
  batch: readonly SourceReading[],
  key: string,
  totals: UploadTotals,
): Promise<void> {
  const { status, mayBeTwice, body } = await client.post<IngestAnswer>('/v1/readings', {
    body: { readings: batch.map(({ reading }) => reading) },
    headers: { 'idempotency-key': key },
    survivesRestart: true,
    alsoAnswers: [422],
  });
  const rejected = body.rejected ?? [];
  const refused = status === 422 ? batch.length : (body.rejectedCount ?? rejected.length);
  totals.accepted += batch.length - refused;
  if (mayBeTwice) totals.resent += batch.length - refused;
  if (refused > 0 && rejected.length === 0) {
    const reason = [body.title, body.detail].filter((part) => part !== undefined).join(': ');
    refuse(totals, { row: batch[0]!.row, reason: reason === '' ? 'refused without a reason' : reason });
    totals.invalid += refused - 1;
    return;
  }
  totals.invalid += refused - Math.min(refused, rejected.length);
  for (const { index, reason } of rejected) refuse(totals, { row: batch[index]?.row ?? 0, reason });
}

function refuse(totals: UploadTotals, row: BadRow): void {
  totals.invalid++;
  if (totals.refusals.length < MAX_SHOWN) totals.refusals.push(row);
}
