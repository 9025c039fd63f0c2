/** One row of a source: a reading as the server takes it, or why it is none. */
export type SourceRow = SourceReading | BadRow;

export interface SourceReading {
  /** Number of the data row in its file; the first is 1. */
  readonly row: number;
  readonly reading: {
    readonly device: string;
    /** Unix ms, or for NDJSON whatever the line holds: the server checks it. */
    readonly ts: unknown;
    readonly values: unknown;
  };
}

export interface BadRow {
  readonly row: number;
  readonly reason: string;
}

export function isBad(row: SourceRow): row is BadRow {
  return 'reason' in row;
}
