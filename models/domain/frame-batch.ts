/** Frames in log order: what `window` makes of readings and appends to the topic `frames`. */
import { ChunkKind, decodeChunk, encodeChunk, type ChunkHeader, type Section } from './chunk.js';
import { ChannelSets, float64Column, StringTable, uint32Column, uint8Column } from './columns.js';
import type { DeviceKey } from './identity.js';

export const FrameKind = {
  /** One step of a device: to be scored (outcome `scored` or `filled`). */
  frame: 0,
  /** A reading that is not scored; its outcome says why. */
  refused: 1,
  /** A command, passed on. */
  command: 2,
  /**
   * The device has sent nothing usable for longer than it should. Outcome `filled`: nothing at all, or hardly anything, and
   * `gapSteps` says for how many of its intervals. `late` or `future`: readings arrive and all are that, so the device's
   * clock is wrong; `gapSteps` then says by how many intervals the latest was dated before the newest used reading, or after
   * its own arrival. It need not be whole, and is 0 where the device has no interval.
   */
  silence: 3,
  /**
   * The window stage no longer remembers the device, to make room for another. If it speaks again it is a new one. Outcome
   * `filled`, no channels, the profile without meaning; both times are log time.
   */
  forgotten: 4,
} as const;

/**
 * Columns of one chunk. Record `i` has
 *
 * - `kind[i]`, `outcome[i]` (see `OutcomeCode`), `device[i]` (index into `devices`),
 * - `timeMs[i]` event time and `receivedMs[i]` arrival time of the reading, Unix ms,
 * - `stepMs[i]` the device's sampling interval in ms as known now; 0 while unknown or irregular,
 * - `gapSteps[i]` steps that are missing between the frame before and this one; 0 in the regular case; of a silence see
 *   `FrameKind`,
 * - `profile[i]` index into `profiles`: the device's profile name,
 * - `ref[i]` channel set (index into `channelSets`), or for a command its index into `commands`,
 * - from `start(i)` one `values` and one `imputed` entry a channel of the set. For frames the set is *all* channels of the
 *   device in order of appearance; `imputed` is 1 where the channel has no measured value at this time, and the value is then
 *   the policy's stand-in, NaN if there is none. For refused readings the set is what the reading carried.
 */
export class FrameBatch {
  readonly header: ChunkHeader | undefined;
  readonly devices: StringTable;
  readonly channelSets: ChannelSets;
  readonly commands: string[];
  readonly profiles: StringTable;
  readonly kind;
  readonly outcome;
  readonly device;
  readonly timeMs;
  readonly receivedMs;
  readonly stepMs;
  readonly gapSteps;
  readonly profile;
  readonly ref;
  readonly values;
  readonly imputed;
  readonly #starts;

  private constructor(header?: ChunkHeader, sections: readonly Section[] = []) {
    this.header = header;
    this.devices = new StringTable(sections[0] as string[] | undefined);
    this.channelSets = new ChannelSets(sections[1] as string[] | undefined);
    this.commands = [...((sections[2] as string[] | undefined) ?? [])];
    this.profiles = new StringTable(sections[3] as string[] | undefined);
    this.kind = uint8Column(sections[4] as Uint8Array | undefined);
    this.outcome = uint8Column(sections[5] as Uint8Array | undefined);
    this.device = uint32Column(sections[6] as Uint32Array | undefined);
    this.timeMs = float64Column(sections[7] as Float64Array | undefined);
    this.receivedMs = float64Column(sections[8] as Float64Array | undefined);
    this.stepMs = float64Column(sections[9] as Float64Array | undefined);
    this.gapSteps = float64Column(sections[10] as Float64Array | undefined);
    this.profile = uint32Column(sections[11] as Uint32Array | undefined);
    this.ref = uint32Column(sections[12] as Uint32Array | undefined);
    this.#starts = uint32Column(sections[13] as Uint32Array | undefined);
    this.values = float64Column(sections[14] as Float64Array | undefined);
    this.imputed = uint8Column(sections[15] as Uint8Array | undefined);
  }

  static create(): FrameBatch {
    return new FrameBatch();
  }

  /** @throws StorageCorruptError when `bytes` is not a chunk of frames. */
  static decode(bytes: Uint8Array): FrameBatch {
    const { header, sections } = decodeChunk(bytes, ChunkKind.frames);
    return new FrameBatch(header, sections);
  }

  get length(): number {
    return this.kind.length;
  }

  /** Adds a record other than a command; returns the index at which the caller writes `values` and `imputed`. */
  add(
    kind: number,
    outcome: number,
    device: DeviceKey,
    timeMs: number,
    receivedMs: number,
    stepMs: number,
    gapSteps: number,
    profile: string,
    channels: readonly string[],
  ): number {
    this.kind.push(kind);
    this.outcome.push(outcome);
    this.device.push(this.devices.intern(device));
    this.timeMs.push(timeMs);
    this.receivedMs.push(receivedMs);
    this.stepMs.push(stepMs);
    this.gapSteps.push(gapSteps);
    this.profile.push(this.profiles.intern(profile));
    this.ref.push(this.channelSets.intern(channels));
    const start = this.values.extend(channels.length);
    this.imputed.extend(channels.length);
    this.#starts.push(start);
    return start;
  }

  addCommand(device: DeviceKey, timeMs: number, receivedMs: number, text: string): void {
    this.kind.push(FrameKind.command);
    this.outcome.push(0);
    this.device.push(this.devices.intern(device));
    this.timeMs.push(timeMs);
    this.receivedMs.push(receivedMs);
    this.stepMs.push(0);
    this.gapSteps.push(0);
    this.profile.push(this.profiles.intern(''));
    this.ref.push(this.commands.push(text) - 1);
    this.#starts.push(this.values.length);
  }

  /** Appends record `i` of another batch. */
  copyFrom(other: FrameBatch, i: number): void {
    const device = other.deviceKey(i);
    const timeMs = other.timeMs.data[i]!;
    const receivedMs = other.receivedMs.data[i]!;
    if (other.kind.data[i] === FrameKind.command) {
      this.addCommand(device, timeMs, receivedMs, other.commandText(i));
      return;
    }
    const channels = other.channels(i);
    const to = this.add(
      other.kind.data[i]!,
      other.outcome.data[i]!,
      device,
      timeMs,
      receivedMs,
      other.stepMs.data[i]!,
      other.gapSteps.data[i]!,
      other.profileName(i),
      channels,
    );
    const from = other.start(i);
    for (let c = 0; c < channels.length; c++) {
      this.values.data[to + c] = other.values.data[from + c]!;
      this.imputed.data[to + c] = other.imputed.data[from + c]!;
    }
  }

  deviceKey(i: number): DeviceKey {
    return this.devices.get(this.device.data[i]!);
  }

  channels(i: number): readonly string[] {
    return this.channelSets.get(this.ref.data[i]!);
  }

  profileName(i: number): string {
    return this.profiles.get(this.profile.data[i]!);
  }

  commandText(i: number): string {
    return this.commands[this.ref.data[i]!]!;
  }

  start(i: number): number {
    return this.#starts.data[i]!;
  }

  clear(): void {
    this.devices.clear();
    this.channelSets.clear();
    this.commands.length = 0;
    this.profiles.clear();
    for (const column of this.#columns()) column.clear();
  }

  encode(header: Omit<ChunkHeader, 'kind'>): Uint8Array {
    return encodeChunk({ ...header, kind: ChunkKind.frames }, [
      this.devices.list,
      this.channelSets.keys(),
      this.commands,
      this.profiles.list,
      ...this.#columns().map((column) => column.view()),
    ]);
  }

  #columns() {
    return [
      this.kind,
      this.outcome,
      this.device,
      this.timeMs,
      this.receivedMs,
      this.stepMs,
      this.gapSteps,
      this.profile,
      this.ref,
      this.#starts,
      this.values,
      this.imputed,
    ] as const;
  }
}
