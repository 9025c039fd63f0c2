const WORD = /^[a-z0-9._-]+$/;
const LONGEST_NAME = 256;

/** @throws RangeError when `name` is not as `BlobName` says. */
export function checkBlobName(name: string): void {
  const isName = name.length <= LONGEST_NAME && name.split('/').every((word) => WORD.test(word) && !/^\.+$/.test(word));
  if (!isName) {
    throw new RangeError(
      `a blob name must be words of a-z 0-9 - . _ divided by /, 256 characters at most, got ${JSON.stringify(name.slice(0, 300))}`,
    );
  }
}

/** @throws RangeError when `prefix` is not a whole number of words, each ending in `/`. The empty prefix is all blobs. */
export function checkBlobPrefix(prefix: string): void {
  if (prefix === '') return;
  if (!prefix.endsWith('/'))
    throw new RangeError(`a prefix must end in /, got ${JSON.stringify(prefix.slice(0, 300))}`);
  checkBlobName(prefix.slice(0, -1));
}
