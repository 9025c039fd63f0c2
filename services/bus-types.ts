/**
 * What services of other teams may call and hear, as types: docs/bus.md in TypeScript. Nothing here exists at run time.
 *
 * Times are Unix ms where a name ends in `Ms`, else RFC 3339. What is undefined is absent on the wire.
 */
import type { StageProgress } from '../mixins/stage.mixin.js';
import type { Alert, AlertChange, AlertStatus } from '../models/domain/alert.js';
import type { Model, ModelVersion } from '../models/registry/registry.js';
import type { SeriesToDetect, SeriesVerdict } from '../models/series/detect-series.js';
import type { WindowView } from '../models/stages/window/window-view.js';
import type { AlertList } from './alerting.service.js';
import type { AlertChanged, DeviceForgotten, ScoresComputed } from './gateway.service.js';
import type { PushAnswer } from './ingest.service.js';
import type { Explanation } from './scorer/explain-device.js';
import type { Prediction, ScoreList, Watch } from './scorer.service.js';

export type { StageProgress } from '../mixins/stage.mixin.js';
export type { Alert, AlertChange, AlertHistoryEntry, AlertStatus, Severity } from '../models/domain/alert.js';
export type { Outcome } from '../models/domain/outcome.js';
export type { ChannelView, ScoreView } from '../models/domain/score-view.js';
export type { ErrorType } from '../models/errors.js';
export type { Model, ModelVersion } from '../models/registry/registry.js';
export type { SeriesScore } from '../models/scoring/score-series.js';
export type { WindowView } from '../models/stages/window/window-view.js';
export type { DeviceSummary } from '../storage/read-side/read-side.js';
export type { AlertList } from './alerting.service.js';
export type { AlertChanged, DeviceForgotten, ScoresComputed } from './gateway.service.js';
export type { PushAnswer, Rejection } from './ingest.service.js';
export type { Explanation } from './scorer/explain-device.js';
export type { Prediction, ScoreList, Watch } from './scorer.service.js';

/** What was measured at one time. */
export interface PushedReading {
  /** 1 to 128 of letters, digits and `_ - . : @ /`. */
  readonly device: string;
  /** RFC 3339 or Unix ms. */
  readonly ts: string | number;
  /** 1 to 256 channels; null: no value now. */
  readonly values: Readonly<Record<string, number | null>>;
}

interface OfDevice {
  readonly device: string;
}

interface OfAlert {
  readonly id: string;
  /** At most 2,000 characters. */
  readonly note?: string;
}

/** Every action that may be called with an API key: what it is given and what it answers. The tenant is that of the key. */
export interface PublicActions {
  'ingest.push': { params: { readonly readings: readonly PushedReading[] }; answer: PushAnswer };
  'scorer.predict': {
    params: {
      /** Rows of equally many numbers, oldest first; null: no value. */
      readonly data: readonly (readonly (number | null)[])[];
      /** Rows of context before one can be an anomaly. */
      readonly windowSize: number;
      /** `ensemble`, `streaming` or the name of a detector. */
      readonly method: string;
    };
    answer: Prediction;
  };
  'scorer.detect': { params: SeriesToDetect & { readonly mode: 'entire' | 'last' }; answer: SeriesVerdict };
  'scorer.explain': { params: OfDevice; answer: Explanation };
  'scorer.scores': {
    params: OfDevice & {
      readonly fromMs?: number;
      readonly toMs?: number;
      /** 1 to 500, default 100. */
      readonly limit?: number;
      readonly cursor?: string;
    };
    answer: ScoreList;
  };
  'scorer.watch': { params: Readonly<Record<string, never>>; answer: Watch };
  'window.get': { params: OfDevice; answer: WindowView };
  'alerting.list': {
    params: {
      readonly status?: AlertStatus;
      readonly device?: string;
      /** 1 to 100, default 100. */
      readonly limit?: number;
      readonly cursor?: string;
    };
    answer: AlertList;
  };
  'alerting.get': { params: { readonly id: string }; answer: Alert };
  'alerting.acknowledge': { params: OfAlert; answer: Alert };
  'alerting.resolve': { params: OfAlert; answer: Alert };
  'alerting.feedback': { params: OfAlert & { readonly verdict: 'anomaly' | 'normal' }; answer: Alert };
  'model-registry.list': { params: Readonly<Record<string, never>>; answer: readonly Model[] };
  'model-registry.get': { params: { readonly name: string; readonly version?: string }; answer: Model | ModelVersion };
}

/** Events and their payloads. Any of them may be lost. */
export type PublicEvents = { [Change in AlertChange as `alert.${Change}`]: AlertChanged } & {
  'score.computed': ScoresComputed;
  'device.forgotten': DeviceForgotten;
  'stage.progress': StageProgress;
};

/** An error as it arrives. Classes do not travel: match on `type`. */
export interface BusError extends Error {
  /** One of `ErrorType`, `INTERNAL`, or a name of the framework's such as `REQUEST_TIMEOUT`. */
  readonly type: string;
  /** As in HTTP: 500 and above is ours, below is the caller's. */
  readonly code: number;
  /** Whether the same call may succeed later. */
  readonly retryable: boolean;
  readonly data?: Readonly<Record<string, unknown>>;
}
