/** A file, or standard input, as bytes: gzip is opened by its magic number, whatever the name says. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createGunzip } from 'node:zlib';
import { CommandFailure } from '../command-failure.js';
import { ExitCode } from '../exit-codes.js';

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
  const { pipeline } = await import('node:stream/promises');
  const gunzip = createGunzip();
  // The reader of `gunzip` sees the same error; this promise only must not stay unhandled.
  const feeding = pipeline(all(), gunzip).catch(() => undefined);
  try {
    for await (const chunk of gunzip) yield chunk as Buffer;
    await feeding;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CommandFailure(ExitCode.failed, `${name} is damaged gzip: ${reason}`, error);
  }
}

/** The same bytes again, after a look at the first of them. */
export async function peek(
  bytes: AsyncIterable<Buffer>,
  atLeast: number,
): Promise<{ head: Buffer; all: AsyncGenerator<Buffer> }> {
  const iterator = bytes[Symbol.asyncIterator]();
  const seen: Buffer[] = [];
  let length = 0;
  while (length < atLeast) {
    const next = await iterator.next();
    if (next.done === true) break;
    seen.push(next.value);
    length += next.value.length;
  }
  async function* all(): AsyncGenerator<Buffer> {
    yield* seen;
    for (;;) {
      const next = await iterator.next();
      if (next.done === true) return;
      yield next.value;
    }
  }
  return { head: Buffer.concat(seen), all: all() };
}
