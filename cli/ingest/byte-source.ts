/** A file, or standard input, as bytes: gzip is opened by its magic number, whatever the name says. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createGunzip } from 'node:zlib';
import { CommandFailure } from '../command-failure.js';
import { ExitCode } from '../exit-codes.js';

/** Of packed input, at once. */
const PIECE_BYTES = 16_384;

export interface ByteSource {
  /** For messages: the path, or `stdin`. */
  readonly name: string;
  /** Plain bytes, already inflated. Read once. */
  readonly bytes: AsyncIterable<Buffer>;
  /** Size on disk; undefined for a stream. */
  readonly totalBytes: number | undefined;
  /** Bytes of the size on disk that have been read. */
  readonly readBytes: () => number;
}

/** @param file a path, or `-` for `stdin`. @throws Error of the file system when there is no such file. */
export async function openByteSource(file: string, stdin: NodeJS.ReadableStream): Promise<ByteSource> {
  const isStdin = file === '-';
  const name = isStdin ? 'stdin' : file;
  const info = isStdin ? undefined : await stat(file);
  if (info?.isDirectory() === true) {
    throw new CommandFailure(ExitCode.usage, `${file} is a folder, a CSV or NDJSON file was expected`);
  }
  let readBytes = 0;
  async function* counted(): AsyncGenerator<Buffer> {
    const stream: AsyncIterable<Buffer | string> = isStdin ? stdin : createReadStream(file, { highWaterMark: 262_144 });
    for await (const chunk of stream) {
      const buffer = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
      readBytes += buffer.length;
      yield buffer;
    }
  }
  return {
    name,
    bytes: inflated(counted(), name),
    totalBytes: info?.isFile() === true ? info.size : undefined,
    readBytes: () => readBytes,
  };
}

async function* inflated(bytes: AsyncGenerator<Buffer>, name: string): AsyncGenerator<Buffer> {
  const first = await bytes.next();
  if (first.done === true) return;
  async function* all(): AsyncGenerator<Buffer> {
    yield first.value as Buffer;
    yield* bytes;
  }
  if (first.value[0] !== 0x1f || first.value[1] !== 0x8b) {
    yield* all();
    return;
  }
  yield* gunzipped(all(), name);
}

/** Written piece by piece, and not piped: where the file is damaged, all that was whole before comes out first. */
async function* gunzipped(bytes: AsyncIterable<Buffer>, name: string): AsyncGenerator<Buffer> {
  const gunzip = createGunzip();
  let plain: Buffer[] = [];
  // zlib may never call back for the piece in hand: when it is damaged, or when zeros behind the last member end it early.
  let over: (failure?: Error) => void = () => undefined;
  gunzip
    .on('error', (error) => over(error))
    .on('data', (chunk: Buffer) => plain.push(chunk))
    .once('end', () => over());
  const write = (piece: Buffer): Promise<Error | undefined> =>
    new Promise((resolve) => {
      over = resolve;
      gunzip.write(piece, (error) => resolve(error ?? undefined));
    });
  // `finish` comes before zlib has looked whether the end is one.
  const end = (): Promise<Error | undefined> =>
    new Promise((resolve) => {
      gunzip
        .once('end', () => resolve(undefined))
        .once('error', resolve)
        .end();
    });
  try {
    for await (const piece of pieces(bytes)) {
      const failure = await write(piece);
      yield* plain;
      plain = [];
      if (failure !== undefined) throw damaged(name, failure);
      if (gunzip.readableEnded) return;
    }
    const failure = await end();
    yield* plain;
    if (failure !== undefined) throw damaged(name, failure);
  } finally {
    gunzip.destroy();
  }
}

/** Small enough that what one piece inflates to, at most some thousandfold, fits into memory. */
async function* pieces(bytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  for await (const chunk of bytes) {
    for (let at = 0; at < chunk.length; at += PIECE_BYTES) yield chunk.subarray(at, at + PIECE_BYTES);
  }
}

function damaged(name: string, error: Error): CommandFailure {
  return new CommandFailure(ExitCode.failed, `${name} is damaged gzip: ${error.message}`, error);
}

/** The same bytes again, after a look at the first of them. */
export async function peek(
  bytes: AsyncIterable<Buffer>,
  atLeast: number,
): Promise<{ head: Buffer; all: AsyncGenerator<Buffer> }> {
  const iterator = bytes[Symbol.asyncIterator]();
  const seen: Buffer[] = [];
  let length = 0;
  // A source that fails this early fails for who reads it, behind the bytes that came before.
  let failure: { readonly error: unknown } | undefined;
  while (length < atLeast && failure === undefined) {
    try {
      const next = await iterator.next();
      if (next.done === true) break;
      seen.push(next.value);
      length += next.value.length;
    } catch (error) {
      failure = { error };
    }
  }
  async function* all(): AsyncGenerator<Buffer> {
    try {
      yield* seen;
      if (failure !== undefined) throw failure.error;
      for (;;) {
        const next = await iterator.next();
        if (next.done === true) return;
        yield next.value;
      }
    } finally {
      // Who reads the header alone must not leave the file open.
      await iterator.return?.();
    }
  }
  return { head: Buffer.concat(seen), all: all() };
}
