/** Snappy blocks, as Prometheus sends them. Not the framed format, which begins with `ff 06 00 00 sNaPpY`. */
import { PayloadTooLargeError, RequestInvalidError } from '../errors.js';

const LITERAL = 0;
const COPY_1 = 1;
const COPY_2 = 2;
/** Literal lengths from here on stand in 1 to 4 bytes of their own. */
const LONG_LITERAL = 60;
/** The densest element is a copy of 64 bytes in 3. */
const BYTES_A_COPY = 64;
const BYTES_OF_COPY = 3;

/**
 * Inflates one block. Written here since the libraries at hand trust what they are given: snappyjs 0.7.0 loops for ever on a
 * literal of negative length, and takes a block that is shorter than it says for whole. Its work is bounded by the declared length,
 * which is looked at before any memory is taken.
 *
 * Source: https://github.com/google/snappy/blob/main/format_description.txt
 *
 * @param limitBytes most bytes after inflation.
 * @throws PayloadTooLargeError when the block says that it is larger. @throws RequestInvalidError when it is damaged.
 */
export function inflateSnappy(block: Uint8Array, limitBytes: number): Uint8Array {
  const input = { bytes: block, at: 0 };
  const length = declaredLength(input);
  if (length > limitBytes) {
    throw new PayloadTooLargeError(`the body must inflate to at most ${limitBytes} bytes, got ${length}`, {
      data: { limitBytes },
    });
  }
  if (length > (block.length / BYTES_OF_COPY) * BYTES_A_COPY) {
    throw damaged(`${block.length} bytes cannot inflate to ${length}`);
  }
  const output = new Uint8Array(length);
  let filled = 0;
  while (input.at < block.length) {
    const tag = block[input.at++]!;
    const kind = tag & 3;
    if (kind === LITERAL) {
      const count = literalLength(input, tag >>> 2);
      if (count > block.length - input.at) throw damaged('a literal goes beyond the end');
      if (count > length - filled) throw damaged(`it holds more than the ${length} bytes that it says`);
      output.set(block.subarray(input.at, input.at + count), filled);
      input.at += count;
      filled += count;
      continue;
    }
    const count = kind === COPY_1 ? 4 + ((tag >>> 2) & 7) : (tag >>> 2) + 1;
    const offset = kind === COPY_1 ? ((tag >>> 5) << 8) + uint(input, 1) : uint(input, kind === COPY_2 ? 2 : 4);
    if (offset === 0 || offset > filled) throw damaged(`a copy from ${offset} bytes back, ${filled} are there`);
    if (count > length - filled) throw damaged(`it holds more than the ${length} bytes that it says`);
    // Byte by byte: a copy may reach into itself, which repeats it.
    for (const end = filled + count; filled < end; filled++) output[filled] = output[filled - offset]!;
  }
  if (filled !== length) throw damaged(`it holds ${filled} bytes and says ${length}`);
  return output;
}

interface Input {
  readonly bytes: Uint8Array;
  at: number;
}

/** A varint of 32 bits. */
function declaredLength(input: Input): number {
  let length = 0;
  for (let scale = 1; scale <= 2 ** 28; scale *= 128) {
    const byte = uint(input, 1);
    length += (byte & 0x7f) * scale;
    if (byte < 0x80) {
      if (length >= 2 ** 32) break;
      return length;
    }
  }
  throw damaged('its length has more than 32 bits');
}

function literalLength(input: Input, code: number): number {
  return 1 + (code < LONG_LITERAL ? code : uint(input, code - LONG_LITERAL + 1));
}

/** `count` bytes, the lowest first. */
function uint(input: Input, count: number): number {
  if (count > input.bytes.length - input.at) throw damaged('it ends too early');
  let value = 0;
  for (let i = 0, scale = 1; i < count; i++, scale *= 256) value += input.bytes[input.at++]! * scale;
  return value;
}

function damaged(why: string): RequestInvalidError {
  return new RequestInvalidError(`the body is not a snappy block: ${why}`);
}
