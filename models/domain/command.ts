import type { AlertSilence } from './alert-silence.js';

/**
 * What people and services ask of a device or a partition. Commands are records in the log, between the readings, so
 * that a replay gives the same result. Every stage acts on what concerns it and passes every command on.
 */
export type Command =
  AcknowledgeAlert | ResolveAlert | AlertFeedback | ActivateProfile | SetSilence | EndSilence | ForgetDevice;

interface FromSomebody {
  /** Who asked: the name of a key or a user, for the history of the alert. */
  readonly by: string;
  readonly note?: string;
}

export interface AcknowledgeAlert extends FromSomebody {
  readonly type: 'alert.acknowledge';
  readonly alertId: string;
}

export interface ResolveAlert extends FromSomebody {
  readonly type: 'alert.resolve';
  readonly alertId: string;
}

/** A person's verdict. `normal` closes the alert; where it was still open, the detectors learn the present level at once. */
export interface AlertFeedback extends FromSomebody {
  readonly type: 'alert.feedback';
  readonly alertId: string;
  readonly verdict: 'anomaly' | 'normal';
  /**
   * Whether a verdict `normal` may teach: true when the alert was open as the verdict came. The present level of a device
   * has nothing to do with an alert that is over, and may belong to the next fault.
   */
  readonly teaches: boolean;
}

/** From this position on, devices of the profile are treated by this definition. Sent to every partition. */
export interface ActivateProfile extends FromSomebody {
  readonly type: 'profile.activate';
  /** Profile name, for example `standard`. */
  readonly profile: string;
  /** Content hash of the definition: the model version that scores carry. */
  readonly version: string;
  readonly definition: unknown;
}

/** From this position on the silence holds. Sent to every partition. */
export interface SetSilence extends FromSomebody {
  readonly type: 'silence.set';
  readonly silence: AlertSilence;
}

/** It holds no longer. Sent to every partition. */
export interface EndSilence extends FromSomebody {
  readonly type: 'silence.end';
  readonly id: string;
}

/**
 * Nothing of what the device sent up to this position is known any more, its alerts included. What waits is scored first: each
 * reading keeps its one outcome. What it sends afterwards is of a new device.
 */
export interface ForgetDevice extends FromSomebody {
  readonly type: 'device.forget';
}

/** A command as it stands in the log; undefined for text that is none. Its fields beside `type` may be missing or wrong: logs are read to their end, whoever wrote them. */
export function parseCommand(text: string): Command | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const isCommand = typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';
  return isCommand ? (value as Command) : undefined;
}

/** Whether the device that a command in the log is addressed to is to be forgotten. */
export function isForget(text: string): boolean {
  return parseCommand(text)?.type === 'device.forget';
}
