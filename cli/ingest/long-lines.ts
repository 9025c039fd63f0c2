/** Lines that are too long to be rows are taken out before anything parses them, so that they cost one row and not the file. */

/** A line that is longer is no row of numbers. */
export const MAX_LINE_BYTES = 1_048_576;
/** Stands where a long line was. No text file holds a NUL. */
export const LONG_LINE = '\0long line';

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/**
 * The same bytes in whole lines, each of which that is longer than `MAX_LINE_BYTES` replaced by `LONG_LINE`. Only what ends the
 * input may lack its line end: where `bytes` throws in the middle of a line, no half of it comes out.
 */
export async function* withoutLongLines(bytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let begun: Buffer[] = [];
  let begunBytes = 0;
  let isLong = false;
  const grow = (part: Buffer): void => {
    begunBytes += part.length;
    isLong ||= begunBytes > MAX_LINE_BYTES;
    if (isLong) begun = [];
    else begun.push(part);
  };
  const taken = (): Buffer[] => {
    const whole = isLong ? [Buffer.from(LONG_LINE)] : begun;
    begun = [];
    begunBytes = 0;
    isLong = false;
    return whole;
  };
  for await (const chunk of pieces(bytes)) {
    const first = endOf(chunk.indexOf(LINE_FEED), chunk.indexOf(CARRIAGE_RETURN), Math.min);
    if (first === -1) {
      grow(chunk);
      continue;
    }
    grow(chunk.subarray(0, first));
    const last = endOf(chunk.lastIndexOf(LINE_FEED), chunk.lastIndexOf(CARRIAGE_RETURN), Math.max);
    yield Buffer.concat([...taken(), chunk.subarray(first, last + 1)]);
    grow(chunk.subarray(last + 1));
  }
  if (begunBytes > 0) yield Buffer.concat(taken());
}

/** Cut so that no line lies within one piece and is too long. */
async function* pieces(bytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  for await (const chunk of bytes) {
    for (let at = 0; at < chunk.length; at += MAX_LINE_BYTES) yield chunk.subarray(at, at + MAX_LINE_BYTES);
  }
}

const endOf = (feed: number, carriage: number, choose: (a: number, b: number) => number): number =>
  feed === -1 || carriage === -1 ? Math.max(feed, carriage) : choose(feed, carriage);
