/** Protobuf messages read field by field: no schema objects, and no message becomes an object that nobody needs. */
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { PayloadTooLargeError, RedshankError, RequestInvalidError } from '../errors.js';
import { unixMsFromNanos } from './unix-time.js';

/** Tags as they stand before a field: number and wire type in one (https://protobuf.dev/programming-guides/encoding/). */
export const varintTag = (field: number): number => (field << 3) | WireType.Varint;
export const fixed64Tag = (field: number): number => (field << 3) | WireType.Bit64;
export const lengthTag = (field: number): number => (field << 3) | WireType.LengthDelimited;
export const fixed32Tag = (field: number): number => (field << 3) | WireType.Bit32;

/** Most messages within one body, empty ones too: an empty one is two bytes, and still costs time. */
const MAX_MESSAGES = 4_000_000;
const TWO_32 = 4_294_967_296;

/**
 * Reads a body from front to back. A message is read so, and unknown fields are passed over as the format wants it:
 *
 * ```ts
 * const end = reader.enter(outerEnd);
 * while (reader.pos < end) {
 *   const tag = reader.tagNumber();
 *   switch (tag) { case lengthTag(1): …; default: reader.pass(tag); }
 * }
 * reader.leave(end);
 * ```
 *
 * No method calls itself, so no nesting is too deep. @throws Error of any class when the bytes are damaged: see `readProtobuf`.
 */
export class ProtobufReader extends BinaryReader {
  readonly #bytes: Uint8Array;
  readonly #words: DataView;
  #messages = 0;

  constructor(bytes: Uint8Array) {
    super(bytes);
    this.#bytes = bytes;
    this.#words = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Begins the message at `pos`. @param outerEnd end of the message around it. @returns its end. */
  enter(outerEnd: number): number {
    if (++this.#messages > MAX_MESSAGES) {
      throw new PayloadTooLargeError(`the body must hold at most ${MAX_MESSAGES} messages, got more`, {
        data: { limit: MAX_MESSAGES },
      });
    }
    const length = this.uint32();
    const end = this.pos + length;
    if (end > outerEnd) {
      throw new RangeError(`a message of ${length} bytes begins where ${outerEnd - this.pos} are left`);
    }
    return end;
  }

  leave(end: number): void {
    if (this.pos !== end) throw new RangeError('the last field of a message goes beyond its end');
  }

  tagNumber(): number {
    const tag = this.uint32();
    if (tag >>> 3 === 0) throw new RangeError('a field has the number 0');
    return tag;
  }

  /** Passes over a field that is not known, or has another type than it should. */
  pass(tag: number): void {
    switch (tag & 7) {
      case 0:
        this.skip(WireType.Varint);
        break;
      case 1:
        this.skip(WireType.Bit64);
        break;
      case 2:
        this.skip(WireType.LengthDelimited);
        break;
      case 5:
        this.skip(WireType.Bit32);
        break;
      default:
        // Groups, 3 and 4, are in none of the formats, and the only thing that could nest here.
        throw new RangeError(`a field has wire type ${tag & 7}`);
    }
  }

  /** Text that is UTF-8, as the format demands. */
  text(): string {
    return this.string(true);
  }

  /** `int64` as the nearest double. */
  int64Number(): number {
    let value = 0;
    let at = this.pos;
    // Seven bytes carry 49 bits, enough for every time in ms; only what is longer, or negative, needs a BigInt.
    for (let scale = 1; scale < 2 ** 49; scale *= 128) {
      const byte = this.#bytes[at++] ?? 0x80;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        this.pos = at;
        return value;
      }
    }
    return Number(this.int64());
  }

  /** `uint64`, all of its bits. */
  uint64Bits(): bigint {
    return BigInt(this.uint64());
  }

  /** Whether the next 8 bytes are these two words. */
  isNext64(low: number, high: number): boolean {
    return this.#words.getUint32(this.pos, true) === low && this.#words.getUint32(this.pos + 4, true) === high;
  }

  /** `fixed64` as the nearest double. */
  fixed64Number(): number {
    const at = this.#next64();
    return this.#words.getUint32(at + 4, true) * TWO_32 + this.#words.getUint32(at, true);
  }

  /** `sfixed64` as the nearest double. */
  sfixed64Number(): number {
    const at = this.#next64();
    return this.#words.getInt32(at + 4, true) * TWO_32 + this.#words.getUint32(at, true);
  }

  /** `fixed64` that counts ns since 1970, as Unix ms. */
  fixed64UnixMs(): number {
    const at = this.#next64();
    return unixMsFromNanos(this.#words.getUint32(at, true), this.#words.getUint32(at + 4, true));
  }

  #next64(): number {
    this.pos += 8;
    return this.pos - 8;
  }
}

/**
 * @param format name of the format, for the message.
 * @throws RequestInvalidError when the bytes are not what `read` expects. Errors of ours that `read` throws come through.
 */
export function readProtobuf<T>(format: string, bytes: Uint8Array, read: (reader: ProtobufReader) => T): T {
  try {
    return read(new ProtobufReader(bytes));
  } catch (error) {
    if (error instanceof RedshankError) throw error;
    // The library throws Error, RangeError and, for text that is not UTF-8, TypeError.
    throw new RequestInvalidError(`the body is not ${format} in protobuf: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
