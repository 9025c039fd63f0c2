/**
 * The binary container of everything that is stored in a log, a snapshot or a history block.
 *
 * | offset | bytes | what                                                               |
 * | ------ | ----- | ------------------------------------------------------------------ |
 * | 0      | 4     | magic "RSHK"                                                       |
 * | 4      | 4     | crc32c of all bytes from offset 8 (RFC 3720, Castagnoli)           |
 * | 8      | 1     | format version, now 1                                              |
 * | 9      | 1     | kind of content (`ChunkKind`)                                      |
 * | 10     | 2     | number of sections                                                 |
 * | 12     | 4     | total length in bytes                                              |
 * | 16     | 8     | epoch of the writer (float64; 0 where no one owns the stream)      |
 * | 24     | 8     | from: the input position before this chunk (float64)               |
 * | 32     | 8     | to: the input position after this chunk (float64)                  |
 * | 40     | 8     | log time in Unix ms (float64)                                      |
 * | 48     | …     | sections: type u8, 3 bytes 0, count u32, data, padded to 8 bytes   |
 *
 * Little endian, as are all machines that Node runs on. Sections start at multiples of 8, so that an aligned chunk is
 * read without a copy. Any flipped bit, cut or appended byte is refused.
 */
import { crc32c } from '@node-rs/crc32';
import { StorageCorruptError } from '../errors.js';
import type { NumericArray } from './columns.js';

export const CHUNK_VERSION = 1;

export const ChunkKind = {
  readings: 1,
  frames: 2,
  scores: 3,
  alerts: 4,
  snapshot: 5,
  registry: 6,
  audit: 7,
  silences: 8,
} as const;
export type ChunkKind = (typeof ChunkKind)[keyof typeof ChunkKind];

export interface ChunkHeader {
  readonly kind: ChunkKind;
  /** Lease revision of the owner that wrote this; 0 for writers without a lease. */
  readonly epoch: number;
  /** Input position before this chunk: every input record with a sequence `<= from` was done earlier. */
  readonly from: number;
  /** Input position after this chunk. Not whole where it holds only the first rows of what follows (`commit-mark.ts`). */
  readonly to: number;
  /** Unix ms: the latest arrival time that this chunk has seen. Never the reader's clock. */
  readonly timeMs: number;
}

export type Section = NumericArray | readonly string[];

export interface Chunk {
  readonly header: ChunkHeader;
  readonly sections: readonly Section[];
}

const MAGIC = 0x4b485352; // "RSHK" read as a little-endian u32
const HEADER_BYTES = 48;
const SECTION_HEADER_BYTES = 8;
const TYPE_F64 = 1;
const TYPE_F32 = 2;
const TYPE_U32 = 3;
const TYPE_U8 = 4;
const TYPE_STRINGS = 5;

const padded = (bytes: number): number => (bytes + 7) & ~7;
const textEncoder = new TextEncoder();
const textDecoder = new TextDecoder('utf-8', { fatal: true });

export function encodeChunk(header: ChunkHeader, sections: readonly Section[]): Uint8Array {
  const bodies = sections.map(sectionBytes);
  let length = HEADER_BYTES;
  for (const body of bodies) length += SECTION_HEADER_BYTES + padded(body.length);

  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint8(8, CHUNK_VERSION);
  view.setUint8(9, header.kind);
  view.setUint16(10, sections.length, true);
  view.setUint32(12, length, true);
  view.setFloat64(16, header.epoch, true);
  view.setFloat64(24, header.from, true);
  view.setFloat64(32, header.to, true);
  view.setFloat64(40, header.timeMs, true);

  let offset = HEADER_BYTES;
  for (let i = 0; i < bodies.length; i++) {
    view.setUint8(offset, typeOf(sections[i]!));
    view.setUint32(offset + 4, isStrings(sections[i]!) ? bodies[i]!.length : sections[i]!.length, true);
    bytes.set(bodies[i]!, offset + SECTION_HEADER_BYTES);
    offset += SECTION_HEADER_BYTES + padded(bodies[i]!.length);
  }
  view.setUint32(4, crc32c(bytes.subarray(8)), true);
  return bytes;
}

/**
 * Reads the header alone, after checking the whole chunk.
 *
 * @throws StorageCorruptError when the bytes are not exactly what `encodeChunk` wrote.
 */
export function readChunkHeader(bytes: Uint8Array): ChunkHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < HEADER_BYTES) throw corrupt(`a chunk has at least ${HEADER_BYTES} bytes, got ${bytes.length}`);
  if (view.getUint32(0, true) !== MAGIC) throw corrupt('these bytes are not a chunk: the magic number is missing');
  const expected = view.getUint32(4, true);
  const actual = crc32c(bytes.subarray(8));
  if (actual !== expected) throw corrupt(`chunk checksum must be ${hex(expected)}, got ${hex(actual)}`);
  const version = view.getUint8(8);
  if (version !== CHUNK_VERSION) throw corrupt(`chunk version must be ${CHUNK_VERSION}, got ${version}`);
  if (view.getUint32(12, true) !== bytes.length) throw corrupt('chunk length does not match its header');
  return {
    kind: view.getUint8(9) as ChunkKind,
    epoch: view.getFloat64(16, true),
    from: view.getFloat64(24, true),
    to: view.getFloat64(32, true),
    timeMs: view.getFloat64(40, true),
  };
}

/** Log time of a chunk that has been checked already, without checking it again. */
export function chunkTimeMs(checked: Uint8Array): number {
  return new DataView(checked.buffer, checked.byteOffset, checked.byteLength).getFloat64(40, true);
}

/**
 * Checks and opens a chunk. Numeric sections may be views of `bytes`: the caller must not change it.
 *
 * @throws StorageCorruptError when the bytes are not exactly what `encodeChunk` wrote.
 */
export function decodeChunk(bytes: Uint8Array, kind: ChunkKind): Chunk {
  const header = readChunkHeader(bytes);
  if (header.kind !== kind) throw corrupt(`chunk kind must be ${kind}, got ${header.kind}`);
  const aligned = bytes.byteOffset % 8 === 0 ? bytes : Uint8Array.from(bytes);
  const view = new DataView(aligned.buffer, aligned.byteOffset, aligned.byteLength);
  const sections: Section[] = [];
  const count = view.getUint16(10, true);
  let offset = HEADER_BYTES;
  for (let i = 0; i < count; i++) {
    const type = view.getUint8(offset);
    const length = view.getUint32(offset + 4, true);
    const { section, byteLength } = openSection(aligned, offset + SECTION_HEADER_BYTES, type, length);
    sections.push(section);
    offset += SECTION_HEADER_BYTES + padded(byteLength);
  }
  return { header, sections };
}

function isStrings(section: Section): section is readonly string[] {
  return Array.isArray(section);
}

function typeOf(section: Section): number {
  if (section instanceof Float64Array) return TYPE_F64;
  if (section instanceof Float32Array) return TYPE_F32;
  if (section instanceof Uint32Array) return TYPE_U32;
  return isStrings(section) ? TYPE_STRINGS : TYPE_U8;
}

function sectionBytes(section: Section): Uint8Array {
  if (!isStrings(section)) return new Uint8Array(section.buffer, section.byteOffset, section.byteLength);
  // One leading NUL for each string, so that [] and [''] differ.
  return textEncoder.encode(section.map((text) => `\0${text}`).join(''));
}

function openSection(
  bytes: Uint8Array,
  offset: number,
  type: number,
  length: number,
): { section: Section; byteLength: number } {
  const at = bytes.byteOffset + offset;
  const buffer = bytes.buffer as ArrayBuffer;
  switch (type) {
    case TYPE_F64:
      return { section: new Float64Array(buffer, at, length), byteLength: length * 8 };
    case TYPE_F32:
      return { section: new Float32Array(buffer, at, length), byteLength: length * 4 };
    case TYPE_U32:
      return { section: new Uint32Array(buffer, at, length), byteLength: length * 4 };
    case TYPE_U8:
      return { section: new Uint8Array(buffer, at, length), byteLength: length };
    case TYPE_STRINGS: {
      const text = textDecoder.decode(bytes.subarray(offset, offset + length));
      return { section: text === '' ? [] : text.slice(1).split('\0'), byteLength: length };
    }
    default:
      throw corrupt(`section type must be 1 to 5, got ${type}`);
  }
}

const hex = (value: number): string => `0x${value.toString(16).padStart(8, '0')}`;
const corrupt = (message: string): StorageCorruptError => new StorageCorruptError(message);
