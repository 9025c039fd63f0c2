/** Readings and commands in log order: what `ingest` appends to the topic `readings`. */
import { ChunkKind, decodeChunk, encodeChunk, type Section } from './chunk.js';
import { ChannelSets, float64Column, StringTable, uint32Column, uint8Column } from './columns.js';
import type { Command } from './command.js';
import type { DeviceKey } from './identity.js';

/** Of the columns `kind`, `device`, `timeMs` and `ref`. */
const BYTES_A_RECORD = 1 + 4 + 8 + 4;
/** Header of the chunk; header and padding of its sections. */
const FRAME_BYTES = 256;
/** Of UTF-8. */
const MOST_BYTES_A_UNIT = 3;

export const ReadingKind = { reading: 0, command: 1 } as const;

/**
 * Columns of one chunk. Record `i` has `kind[i]`, `device[i]` (index into `devices`), `timeMs[i]` (Unix ms, event time;
 * for commands the time of asking) and `ref[i]`: for a reading its channel set (index into `channelSets`), for a command
 * its index into `commands`. The values of reading `i` are `values[start(i)] …`, one a channel of its set, in order;
 * NaN says "this channel has no value at this time".
 *
 * A batch without records is a tick: it carries nothing but its `receivedMs`, and lets time pass.
 */
export class ReadingBatch {
  /** Unix ms at which the door took these records; decides `future` and silence. */
  receivedMs = 0;
  readonly devices: StringTable;
  readonly channelSets: ChannelSets;
  readonly commands: string[];
  #commandBytes = 0;
  readonly kind;
  readonly device;
  readonly timeMs;
  readonly ref;
  readonly values;
  #starts: Uint32Array | undefined;

  private constructor(sections: readonly Section[] = [], receivedMs = 0) {
    this.receivedMs = receivedMs;
    this.devices = new StringTable(sections[0] as string[] | undefined);
    this.channelSets = new ChannelSets(sections[1] as string[] | undefined);
    this.commands = [...((sections[2] as string[] | undefined) ?? [])];
    this.kind = uint8Column(sections[3] as Uint8Array | undefined);
    this.device = uint32Column(sections[4] as Uint32Array | undefined);
    this.timeMs = float64Column(sections[5] as Float64Array | undefined);
    this.ref = uint32Column(sections[6] as Uint32Array | undefined);
    this.values = float64Column(sections[7] as Float64Array | undefined);
  }

  static create(): ReadingBatch {
    return new ReadingBatch();
  }

  /** @throws StorageCorruptError when `bytes` is not a chunk of readings. */
  static decode(bytes: Uint8Array): ReadingBatch {
    const { header, sections } = decodeChunk(bytes, ChunkKind.readings);
    return new ReadingBatch(sections, header.timeMs);
  }

  get length(): number {
    return this.kind.length;
  }

  /** At least what `encode` gives, of a batch that was not decoded. */
  get mostBytes(): number {
    const texts = this.devices.bytes + this.channelSets.bytes + this.#commandBytes;
    return FRAME_BYTES + texts + BYTES_A_RECORD * this.length + 8 * this.values.length;
  }

  addReading(device: DeviceKey, timeMs: number, channels: readonly string[], values: ArrayLike<number>): void {
    this.#starts = undefined;
    this.kind.push(ReadingKind.reading);
    this.device.push(this.devices.intern(device));
    this.timeMs.push(timeMs);
    this.ref.push(this.channelSets.intern(channels));
    for (let c = 0; c < channels.length; c++) this.values.push(values[c]!);
  }

  /** Copies reading `i` of another batch, under the name `device`. */
  copyReading(from: ReadingBatch, i: number, device: DeviceKey): void {
    this.#starts = undefined;
    const channels = from.channels(i);
    const start = from.start(i);
    this.kind.push(ReadingKind.reading);
    this.device.push(this.devices.intern(device));
    this.timeMs.push(from.timeMs.data[i]!);
    this.ref.push(this.channelSets.intern(channels));
    for (let c = 0; c < channels.length; c++) this.values.push(from.values.data[start + c]!);
  }

  addCommand(device: DeviceKey, timeMs: number, command: Command): void {
    this.#starts = undefined;
    this.kind.push(ReadingKind.command);
    this.device.push(this.devices.intern(device));
    this.timeMs.push(timeMs);
    const text = JSON.stringify(command);
    this.#commandBytes += MOST_BYTES_A_UNIT * text.length + 1;
    this.ref.push(this.commands.push(text) - 1);
  }

  deviceKey(i: number): DeviceKey {
    return this.devices.get(this.device.data[i]!);
  }

  channels(i: number): readonly string[] {
    return this.channelSets.get(this.ref.data[i]!);
  }

  commandText(i: number): string {
    return this.commands[this.ref.data[i]!]!;
  }

  /** Index of the first value of record `i`. */
  start(i: number): number {
    this.#starts ??= this.#computeStarts();
    return this.#starts[i]!;
  }

  clear(): void {
    this.#starts = undefined;
    this.devices.clear();
    this.channelSets.clear();
    this.commands.length = 0;
    this.#commandBytes = 0;
    for (const column of [this.kind, this.device, this.timeMs, this.ref, this.values]) column.clear();
  }

  encode(): Uint8Array {
    return encodeChunk({ kind: ChunkKind.readings, epoch: 0, from: 0, to: 0, timeMs: this.receivedMs }, [
      this.devices.list,
      this.channelSets.keys(),
      this.commands,
      this.kind.view(),
      this.device.view(),
      this.timeMs.view(),
      this.ref.view(),
      this.values.view(),
    ]);
  }

  #computeStarts(): Uint32Array {
    const starts = new Uint32Array(this.length);
    let next = 0;
    for (let i = 0; i < this.length; i++) {
      starts[i] = next;
      if (this.kind.data[i] === ReadingKind.reading) next += this.channels(i).length;
    }
    return starts;
  }
}
