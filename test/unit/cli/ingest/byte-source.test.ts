import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { openByteSource } from '../../../../cli/ingest/byte-source.js';

async function textOf(bytes: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of bytes) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

describe('openByteSource', () => {
  const text = 'ts,a\n1,2\n'.repeat(1_000);
  const none = Readable.from([]);
  let folder = '';
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'redshank-test-'));
  });
  after(() => rm(folder, { recursive: true }));

  async function file(name: string, content: string | Buffer): Promise<string> {
    const path = join(folder, name);
    await writeFile(path, content);
    return path;
  }

  it('opens gzip whatever its name, and counts the bytes on disk', async () => {
    const packed = gzipSync(text);
    const source = await openByteSource(await file('plain.csv', packed), none);
    assert.equal(await textOf(source.bytes), text);
    assert.equal(source.totalBytes, packed.length);
    assert.equal(source.readBytes(), packed.length);
  });

  it('reads plain files and standard input', async () => {
    assert.equal(await textOf((await openByteSource(await file('a.csv', text), none)).bytes), text);
    assert.equal(await textOf((await openByteSource('-', Readable.from([gzipSync(text)]))).bytes), text);
    assert.equal(await textOf((await openByteSource(await file('empty.csv', ''), none)).bytes), '');
  });

  it('reports gzip that was cut', async () => {
    const source = await openByteSource(await file('cut.gz', gzipSync(text).subarray(0, 30)), none);
    await assert.rejects(textOf(source.bytes), /cut\.gz is damaged gzip/);
  });

  it('gives what was whole before the damage', async () => {
    const packed = gzipSync(Array.from({ length: 20_000 }, () => `${Math.random()}\n`).join(''));
    const source = await openByteSource(await file('half.gz', packed.subarray(0, packed.length / 2)), none);
    let bytes = 0;
    const read = async (): Promise<void> => {
      for await (const chunk of source.bytes) bytes += chunk.length;
    };
    await assert.rejects(read(), /damaged gzip/);
    assert.ok(bytes > 150_000, `${bytes}`);
  });

  it('reports gzip that is damaged in the middle', async () => {
    const packed = gzipSync(Array.from({ length: 20_000 }, () => `${Math.random()}\n`).join(''));
    const half = Math.floor(packed.length / 2);
    packed.fill(0x5a, half, half + 200);
    const source = await openByteSource(await file('middle.gz', packed), none);
    await assert.rejects(textOf(source.bytes), /middle\.gz is damaged gzip/);
  });

  it('ends where the file is padded with zeros', async () => {
    const padded = Buffer.concat([gzipSync(text), Buffer.alloc(70_000)]);
    assert.equal(await textOf((await openByteSource(await file('padded.gz', padded), none)).bytes), text);
  });

  it('refuses a folder', () => assert.rejects(openByteSource(folder, none), /is a folder/));
});
