/** An alert: one a device and episode, from the first strange score until the device is well again. */
import { ChunkKind, decodeChunk, encodeChunk, type ChunkHeader } from './chunk.js';

export const ALERT_STATUSES = ['open', 'acknowledged', 'resolved'] as const;
export type AlertStatus = (typeof ALERT_STATUSES)[number];

export const SEVERITIES = ['info', 'warning', 'critical'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** `worsened`: the peak has risen, the severity has not. It is told, and leaves no entry in the history. */
export type AlertChange = 'raised' | 'escalated' | 'worsened' | 'acknowledged' | 'resolved' | 'feedback';

export interface AlertHistoryEntry {
  /** Unix ms, event time of the score or time of the command. */
  readonly atMs: number;
  readonly change: AlertChange;
  readonly by?: string;
  readonly note?: string;
}

export interface Alert {
  /** Derived from tenant, device and start, so that a replay names it alike. */
  readonly id: string;
  readonly tenant: string;
  readonly device: string;
  readonly status: AlertStatus;
  readonly severity: Severity;
  /** Unix ms, event time of the first strange score of the episode, which may lie before the score that raised the alert. */
  readonly startedMs: number;
  /** Unix ms, event time of the score that raised it. */
  readonly raisedMs: number;
  /** Unix ms, event time of the latest strange score. */
  readonly lastStrangeMs: number;
  /** Unix ms, event time of the score, or time of the command, that resolved it. */
  readonly resolvedMs?: number;
  /** Unix ms, arrival of what changed it last. Retention goes by it: an alert about old data that was brought in today is new. */
  readonly changedMs: number;
  /** The highest so far; while the alert is not resolved, less than 0.01 may be missing for at most 10 strange scores. */
  readonly peakScore: number;
  /** Channels by contribution at the peak, strongest first. */
  readonly channels: readonly { readonly channel: string; readonly contribution: number }[];
  /** Words, from the score at the peak. */
  readonly reasons: readonly string[];
  readonly profile: string;
  readonly model: string;
  readonly feedback?: 'anomaly' | 'normal';
  /** Latest 50 changes, oldest first. */
  readonly history: readonly AlertHistoryEntry[];
}

/** An alert as it is after a change. */
export interface ChangedAlert {
  readonly change: AlertChange;
  readonly alert: Alert;
}

/** All alerts of the device before this record are gone, whoever still has them. */
export interface ForgottenAlerts {
  readonly change: 'forgotten';
  readonly tenant: string;
  readonly device: string;
}

export type AlertRecord = ChangedAlert | ForgottenAlerts;

/** Alert changes in log order: what `alerting` appends to the topic `alerts`. Few, so JSON inside a chunk. */
export class AlertBatch {
  readonly header: ChunkHeader | undefined;
  readonly records: AlertRecord[];

  private constructor(header?: ChunkHeader, records: AlertRecord[] = []) {
    this.header = header;
    this.records = records;
  }

  static create(): AlertBatch {
    return new AlertBatch();
  }

  /** @throws StorageCorruptError when `bytes` is not a chunk of alerts. */
  static decode(bytes: Uint8Array): AlertBatch {
    const { header, sections } = decodeChunk(bytes, ChunkKind.alerts);
    return new AlertBatch(
      header,
      (sections[0] as string[]).map((text) => JSON.parse(text) as AlertRecord),
    );
  }

  get length(): number {
    return this.records.length;
  }

  /** Those that are of an alert. */
  get changes(): readonly ChangedAlert[] {
    return this.records.filter((record) => record.change !== 'forgotten');
  }

  add(record: AlertRecord): void {
    this.records.push(record);
  }

  /** Appends record `i` of another batch. */
  copyFrom(other: AlertBatch, i: number): void {
    this.records.push(other.records[i]!);
  }

  clear(): void {
    this.records.length = 0;
  }

  encode(header: Omit<ChunkHeader, 'kind'>): Uint8Array {
    return encodeChunk({ ...header, kind: ChunkKind.alerts }, [this.records.map((record) => JSON.stringify(record))]);
  }
}
