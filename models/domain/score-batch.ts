/** Scores in log order: what `scorer` appends to the topic `scores`. The same columns serve as history blocks of one device. */
import { ChunkKind, decodeChunk, encodeChunk, type ChunkHeader, type Section } from './chunk.js';
import { ChannelSets, float32Column, float64Column, StringTable, uint32Column, uint8Column } from './columns.js';
import type { DeviceKey } from './identity.js';

export const ScoreKind = {
  /** A scored frame (outcome `scored` or `filled`). */
  score: 0,
  /** A reading that is not scored; kept with its outcome and values. */
  refused: 1,
  /** A command, passed on. */
  command: 2,
  /** The device is silent; `score` says how strange that is. */
  silence: 3,
} as const;

/** Bits of `flags`. */
export const ScoreFlag = {
  /** `score >= threshold` while the device is ready. */
  anomaly: 1,
} as const;

export const Phase = {
  /** The detectors still learn what is usual; `progress` in [0, 1) says how far. */
  warming: 0,
  ready: 1,
} as const;

/**
 * Columns of one chunk. Record `i` has
 *
 * - `kind[i]`, `outcome[i]` (see `OutcomeCode`), `device[i]` (index into `devices`),
 * - `timeMs[i]` event time, `receivedMs[i]` arrival time, Unix ms,
 * - `score[i]` in [0, 1], stays high while a fault lasts; `event[i]` in [0, 1], how strongly an episode begins here;
 *   `threshold[i]` in [0, 1] (all NaN where nothing was scored),
 * - `phase[i]` (see `Phase`), `progress[i]` in [0, 1], `flags[i]` (see `ScoreFlag`),
 * - `profile[i]` (index into `profiles`) and `model[i]` (index into `models`): the profile's name and the content hash of
 *   the definition that scored,
 * - `ref[i]` channel set (index into `channelSets`), or for a command its index into `commands`,
 * - from `start(i)` one entry a channel in `actual`, `expected`, `lower`, `upper` (the channel's unit; NaN: unknown),
 *   `contribution` (share of the strangeness, sums to 1 over the channels, or all 0) and `imputed` (0/1),
 * - from `reasonStart(i)` `reasonCount[i]` entries in `reasonCode`, `reasonChannel` (index in the set), `reasonA`, `reasonB`
 *   (numbers for the words, see `reasons.ts`), strongest first.
 */
export class ScoreBatch {
  readonly header: ChunkHeader | undefined;
  readonly devices: StringTable;
  readonly channelSets: ChannelSets;
  readonly commands: string[];
  readonly profiles: StringTable;
  readonly models: StringTable;
  readonly kind;
  readonly outcome;
  readonly device;
  readonly timeMs;
  readonly receivedMs;
  readonly score;
  readonly event;
  readonly threshold;
  readonly phase;
  readonly progress;
  readonly flags;
  readonly profile;
  readonly model;
  readonly ref;
  readonly actual;
  readonly expected;
  readonly lower;
  readonly upper;
  readonly contribution;
  readonly imputed;
  readonly reasonCount;
  readonly reasonCode;
  readonly reasonChannel;
  readonly reasonA;
  readonly reasonB;
  readonly #starts;
  readonly #reasonStarts;

  private constructor(header?: ChunkHeader, sections: readonly Section[] = []) {
    let next = 5;
    const f64 = () => float64Column(sections[next++] as Float64Array | undefined);
    const f32 = () => float32Column(sections[next++] as Float32Array | undefined);
    const u32 = () => uint32Column(sections[next++] as Uint32Array | undefined);
    const u8 = () => uint8Column(sections[next++] as Uint8Array | undefined);
    this.header = header;
    this.devices = new StringTable(sections[0] as string[] | undefined);
    this.channelSets = new ChannelSets(sections[1] as string[] | undefined);
    this.commands = [...((sections[2] as string[] | undefined) ?? [])];
    this.profiles = new StringTable(sections[3] as string[] | undefined);
    this.models = new StringTable(sections[4] as string[] | undefined);
    // The order of these lines is the order of `#columns()`, which is the order on the wire.
    this.kind = u8();
    this.outcome = u8();
    this.device = u32();
    this.timeMs = f64();
    this.receivedMs = f64();
    this.score = f32();
    this.event = f32();
    this.threshold = f32();
    this.phase = u8();
    this.progress = f32();
    this.flags = u8();
    this.profile = u32();
    this.model = u32();
    this.ref = u32();
    this.#starts = u32();
    this.actual = f64();
    this.expected = f32();
    this.lower = f32();
    this.upper = f32();
    this.contribution = f32();
    this.imputed = u8();
    this.reasonCount = u8();
    this.#reasonStarts = u32();
    this.reasonCode = u8();
    this.reasonChannel = u32();
    this.reasonA = f32();
    this.reasonB = f32();
  }

  static create(): ScoreBatch {
    return new ScoreBatch();
  }

  /** @throws StorageCorruptError when `bytes` is not a chunk of scores. */
  static decode(bytes: Uint8Array): ScoreBatch {
    const { header, sections } = decodeChunk(bytes, ChunkKind.scores);
    return new ScoreBatch(header, sections);
  }

  get length(): number {
    return this.kind.length;
  }

  /**
   * Adds a record with score, event and threshold NaN, no reasons, and per-channel entries NaN and 0; returns the index of
   * its first channel entry. The caller overwrites what it knows at record `length - 1`.
   */
  add(
    kind: number,
    outcome: number,
    device: DeviceKey,
    timeMs: number,
    receivedMs: number,
    profile: string,
    model: string,
    channels: readonly string[],
  ): number {
    const count = channels.length;
    this.kind.push(kind);
    this.outcome.push(outcome);
    this.device.push(this.devices.intern(device));
    this.timeMs.push(timeMs);
    this.receivedMs.push(receivedMs);
    this.score.push(NaN);
    this.event.push(NaN);
    this.threshold.push(NaN);
    this.phase.push(Phase.warming);
    this.progress.push(0);
    this.flags.push(0);
    this.profile.push(this.profiles.intern(profile));
    this.model.push(this.models.intern(model));
    this.ref.push(this.channelSets.intern(channels));
    this.reasonCount.push(0);
    this.#reasonStarts.push(this.reasonCode.length);
    const start = this.actual.extend(count);
    this.#starts.push(start);
    this.actual.data.fill(NaN, start, start + count);
    this.expected.extend(count);
    this.expected.data.fill(NaN, start, start + count);
    this.lower.extend(count);
    this.lower.data.fill(NaN, start, start + count);
    this.upper.extend(count);
    this.upper.data.fill(NaN, start, start + count);
    this.contribution.extend(count);
    this.contribution.data.fill(0, start, start + count);
    this.imputed.extend(count);
    this.imputed.data.fill(0, start, start + count);
    return start;
  }

  /** Adds a reason to the record added last. */
  addReason(code: number, channel: number, a: number, b: number): void {
    this.reasonCode.push(code);
    this.reasonChannel.push(channel);
    this.reasonA.push(a);
    this.reasonB.push(b);
    this.reasonCount.data[this.length - 1]!++;
  }

  addCommand(device: DeviceKey, timeMs: number, receivedMs: number, text: string): void {
    this.add(ScoreKind.command, 0, device, timeMs, receivedMs, '', '', []);
    this.ref.data[this.length - 1] = this.commands.push(text) - 1;
  }

  /** Appends record `i` of another batch; the way history blocks are made, too. */
  copyFrom(other: ScoreBatch, i: number): void {
    if (other.kind.data[i] === ScoreKind.command) {
      this.addCommand(other.deviceKey(i), other.timeMs.data[i]!, other.receivedMs.data[i]!, other.commandText(i));
      return;
    }
    const channels = other.channels(i);
    const to = this.add(
      other.kind.data[i]!,
      other.outcome.data[i]!,
      other.deviceKey(i),
      other.timeMs.data[i]!,
      other.receivedMs.data[i]!,
      other.profileName(i),
      other.modelVersion(i),
      channels,
    );
    const row = this.length - 1;
    this.score.data[row] = other.score.data[i]!;
    this.event.data[row] = other.event.data[i]!;
    this.threshold.data[row] = other.threshold.data[i]!;
    this.phase.data[row] = other.phase.data[i]!;
    this.progress.data[row] = other.progress.data[i]!;
    this.flags.data[row] = other.flags.data[i]!;
    const from = other.start(i);
    for (let c = 0; c < channels.length; c++) {
      this.actual.data[to + c] = other.actual.data[from + c]!;
      this.expected.data[to + c] = other.expected.data[from + c]!;
      this.lower.data[to + c] = other.lower.data[from + c]!;
      this.upper.data[to + c] = other.upper.data[from + c]!;
      this.contribution.data[to + c] = other.contribution.data[from + c]!;
      this.imputed.data[to + c] = other.imputed.data[from + c]!;
    }
    const reasons = other.reasonStart(i);
    for (let r = reasons; r < reasons + other.reasonCount.data[i]!; r++) {
      this.addReason(
        other.reasonCode.data[r]!,
        other.reasonChannel.data[r]!,
        other.reasonA.data[r]!,
        other.reasonB.data[r]!,
      );
    }
  }

  deviceKey(i: number): DeviceKey {
    return this.devices.get(this.device.data[i]!);
  }

  channels(i: number): readonly string[] {
    return this.kind.data[i] === ScoreKind.command ? [] : this.channelSets.get(this.ref.data[i]!);
  }

  profileName(i: number): string {
    return this.profiles.get(this.profile.data[i]!);
  }

  modelVersion(i: number): string {
    return this.models.get(this.model.data[i]!);
  }

  commandText(i: number): string {
    return this.commands[this.ref.data[i]!]!;
  }

  /** Index of the first channel entry of record `i`. */
  start(i: number): number {
    return this.#starts.data[i]!;
  }

  /** Index of the first reason of record `i`. */
  reasonStart(i: number): number {
    return this.#reasonStarts.data[i]!;
  }

  clear(): void {
    this.devices.clear();
    this.channelSets.clear();
    this.commands.length = 0;
    this.profiles.clear();
    this.models.clear();
    for (const column of this.#columns()) column.clear();
  }

  encode(header: Omit<ChunkHeader, 'kind'>): Uint8Array {
    return encodeChunk({ ...header, kind: ChunkKind.scores }, [
      this.devices.list,
      this.channelSets.keys(),
      this.commands,
      this.profiles.list,
      this.models.list,
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
      this.score,
      this.event,
      this.threshold,
      this.phase,
      this.progress,
      this.flags,
      this.profile,
      this.model,
      this.ref,
      this.#starts,
      this.actual,
      this.expected,
      this.lower,
      this.upper,
      this.contribution,
      this.imputed,
      this.reasonCount,
      this.#reasonStarts,
      this.reasonCode,
      this.reasonChannel,
      this.reasonA,
      this.reasonB,
    ] as const;
  }
}
