/** What a benchmark reports. */
export interface Measurement {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** What we want; undefined where a figure only informs. */
  readonly target?: number;
  /** What the best published competitor reaches; undefined where none is known. */
  readonly peer?: number;
  /** True when smaller is better. */
  readonly isCost?: boolean;
}

export type Report = (measurement: Measurement) => void;
