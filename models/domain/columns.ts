/**
 * Growing columns of numbers, and the table that gives a string a small number.
 *
 * A batch of records is a set of columns: no object a record, and encoding is a copy of memory.
 */

export type NumericArray = Float64Array | Float32Array | Uint32Array | Uint8Array;

const FIRST_CAPACITY = 64;

/** A typed array that doubles when full. `data` may be longer than `length` and moves when it grows: never keep it over a push. */
export class Column<A extends NumericArray = NumericArray> {
  data: A;
  length = 0;
  readonly #create: (capacity: number) => A;

  constructor(create: (capacity: number) => A, initial?: A) {
    this.#create = create;
    this.data = initial ?? create(FIRST_CAPACITY);
    this.length = initial?.length ?? 0;
  }

  push(value: number): void {
    if (this.length === this.data.length) this.#grow(this.length + 1);
    this.data[this.length++] = value;
  }

  /** Makes room for `count` more and returns the index of the first; the caller writes into `data`. */
  extend(count: number): number {
    const start = this.length;
    if (start + count > this.data.length) this.#grow(start + count);
    this.length = start + count;
    return start;
  }

  view(): A {
    return this.data.subarray(0, this.length) as A;
  }

  clear(): void {
    this.length = 0;
  }

  #grow(atLeast: number): void {
    const next = this.#create(Math.max(atLeast, this.data.length * 2));
    next.set(this.data.subarray(0, this.length));
    this.data = next;
  }
}

export const float64Column = (initial?: Float64Array): Column<Float64Array> =>
  new Column((capacity) => new Float64Array(capacity), initial);
export const float32Column = (initial?: Float32Array): Column<Float32Array> =>
  new Column((capacity) => new Float32Array(capacity), initial);
export const uint32Column = (initial?: Uint32Array): Column<Uint32Array> =>
  new Column((capacity) => new Uint32Array(capacity), initial);
export const uint8Column = (initial?: Uint8Array): Column<Uint8Array> =>
  new Column((capacity) => new Uint8Array(capacity), initial);

/** Strings by first appearance. Strings must not hold NUL, which divides them on the wire. */
export class StringTable {
  readonly list: string[];
  readonly #index = new Map<string, number>();
  /** Strings whose bytes have been counted, from the first on, and the bytes. */
  #counted = 0;
  #bytes = 0;

  constructor(list: readonly string[] = []) {
    this.list = [...list];
    for (let i = 0; i < this.list.length; i++) this.#index.set(this.list[i]!, i);
  }

  intern(text: string): number {
    const known = this.#index.get(text);
    if (known !== undefined) return known;
    const index = this.list.push(text) - 1;
    this.#index.set(text, index);
    return index;
  }

  /** At least what all of them take on the wire. */
  get bytes(): number {
    while (this.#counted < this.list.length) this.#bytes += mostBytes(this.list[this.#counted++]!);
    return this.#bytes;
  }

  get(index: number): string {
    const text = this.list[index];
    if (text === undefined) throw new RangeError(`string ${index} of ${this.list.length} does not exist`);
    return text;
  }

  clear(): void {
    this.list.length = 0;
    this.#index.clear();
    this.#counted = 0;
    this.#bytes = 0;
  }
}

/** Of UTF-8, with what divides it from the next; half of a surrogate pair counts three instead of two. */
function mostBytes(text: string): number {
  let bytes = text.length + 1;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit > 0x7f) bytes += unit > 0x7ff ? 2 : 1;
  }
  return bytes;
}

/** Which channels, in which order, a record carries. A batch holds each distinct set once. */
export class ChannelSets {
  readonly sets: (readonly string[])[];
  readonly #table: StringTable;
  /** The set asked for last, which most often is asked for next: joining names costs more than the rest of a record. */
  #recent: readonly string[] | undefined;
  #recentIndex = 0;

  constructor(keys: readonly string[] = []) {
    this.#table = new StringTable(keys);
    this.sets = keys.map((key) => splitKey(key));
  }

  /** @param channels must not change afterwards. */
  intern(channels: readonly string[]): number {
    if (channels === this.#recent) return this.#recentIndex;
    const index = this.#table.intern(channels.join('\n'));
    if (index === this.sets.length) this.sets.push([...channels]);
    this.#recent = channels;
    this.#recentIndex = index;
    return index;
  }

  get(index: number): readonly string[] {
    const set = this.sets[index];
    if (set === undefined) throw new RangeError(`channel set ${index} of ${this.sets.length} does not exist`);
    return set;
  }

  /** At least what all of them take on the wire. */
  get bytes(): number {
    return this.#table.bytes;
  }

  keys(): readonly string[] {
    return this.#table.list;
  }

  clear(): void {
    this.#table.clear();
    this.sets.length = 0;
    this.#recent = undefined;
  }
}

function splitKey(key: string): readonly string[] {
  return key === '' ? [] : key.split('\n');
}
