/** Feeds the window stage from words that fit on a line, and shows its records as plain objects. */
import type { Command } from '../../../../../models/domain/command.js';
import { FrameKind, type FrameBatch } from '../../../../../models/domain/frame-batch.js';
import { outcomeOf } from '../../../../../models/domain/outcome.js';
import { ReadingBatch } from '../../../../../models/domain/reading-batch.js';
import type { WindowProfile } from '../../../../../models/profiles/window-profile.js';
import { windowStage, type WindowState } from '../../../../../models/stages/window.js';

export interface Reading {
  readonly device: string;
  readonly timeMs: number;
  /** null: the channel is named and has no value. */
  readonly values: Readonly<Record<string, number | null>>;
}

/** One chunk of the log. Without records: a tick. */
export interface Chunk {
  readonly receivedMs: number;
  readonly readings?: readonly Reading[];
  /** Sent to the whole partition, before the readings. */
  readonly commands?: readonly Command[];
  /** Devices to be forgotten, after the commands and before the readings. */
  readonly forget?: readonly string[];
}

export interface Row {
  readonly kind: keyof typeof FrameKind;
  readonly device: string;
  readonly timeMs: number;
  readonly receivedMs: number;
  readonly outcome?: string;
  readonly stepMs?: number;
  readonly gapSteps?: number;
  readonly profile?: string;
  /** NaN is shown as null. */
  readonly values?: Readonly<Record<string, number | null>>;
  readonly imputed?: readonly string[];
  readonly command?: string;
}

export function profileCommand(window: Partial<WindowProfile>, profile = 'standard', devices?: string[]): Command {
  const definition = devices === undefined ? { window } : { window, devices };
  return { type: 'profile.activate', profile, version: '', definition, by: 'test' };
}

const FORGET: Command = { type: 'device.forget', by: 'test' };

export function encodeBatch(chunk: Chunk): Uint8Array {
  const batch = ReadingBatch.create();
  batch.receivedMs = chunk.receivedMs;
  for (const command of chunk.commands ?? []) batch.addCommand('', chunk.receivedMs, command);
  for (const device of chunk.forget ?? []) batch.addCommand(device, chunk.receivedMs, FORGET);
  for (const { device, timeMs, values } of chunk.readings ?? []) {
    batch.addReading(
      device,
      timeMs,
      Object.keys(values),
      Object.values(values).map((value) => value ?? NaN),
    );
  }
  return batch.encode();
}

export function rows(out: FrameBatch): Row[] {
  return Array.from({ length: out.length }, (_, i) => row(out, i));
}

function row(out: FrameBatch, i: number): Row {
  const kind = Object.entries(FrameKind).find(([, code]) => code === out.kind.data[i])![0] as keyof typeof FrameKind;
  const head = {
    kind,
    device: out.deviceKey(i),
    timeMs: out.timeMs.data[i]!,
    receivedMs: out.receivedMs.data[i]!,
  };
  if (kind === 'command') return { ...head, command: out.commandText(i) };
  const names = out.channels(i);
  const at = out.start(i);
  const value = (c: number): number | null => {
    const number = out.values.data[at + c]!;
    return Number.isNaN(number) ? null : number;
  };
  return {
    ...head,
    outcome: outcomeOf(out.outcome.data[i]!),
    stepMs: out.stepMs.data[i]!,
    gapSteps: out.gapSteps.data[i]!,
    profile: out.profileName(i),
    values: Object.fromEntries(names.map((name, c) => [name, value(c)])),
    imputed: names.filter((_, c) => out.imputed.data[at + c] === 1),
  };
}

/** A partition under the hand of a test. */
export class WindowLog {
  state: WindowState = windowStage.createState();
  readonly #out = windowStage.createOutput();

  constructor(window?: Partial<WindowProfile>) {
    if (window !== undefined) this.feed({ receivedMs: 0, commands: [profileCommand(window)] });
  }

  /** Handles one chunk and returns its records. */
  feed(chunk: Chunk): Row[] {
    const batch = windowStage.decode(encodeBatch(chunk));
    this.#out.clear();
    for (let i = 0; i < batch.length; i++) windowStage.step(this.state, batch, i, this.#out);
    windowStage.advance(this.state, batch.receivedMs, this.#out);
    return rows(this.#out);
  }

  /** One reading of device `t/a`, arriving when it was measured unless said otherwise. */
  read(timeMs: number, values: Reading['values'], receivedMs = timeMs): Row[] {
    return this.feed({ receivedMs, readings: [{ device: 't/a', timeMs, values }] });
  }

  tick(receivedMs: number): Row[] {
    return this.feed({ receivedMs });
  }

  /** Steady readings of one channel; returns the last one's records. */
  steady(fromMs: number, stepMs: number, count: number): Row[] {
    let last: Row[] = [];
    for (let k = 0; k < count; k++) last = this.read(fromMs + k * stepMs, { x: k });
    return last;
  }

  reload(): void {
    this.state = windowStage.restore(windowStage.snapshot(this.state));
  }

  wakeMs(): number {
    return windowStage.wakeMs(this.state);
  }
}
