/** Sets of channel names, one object for all devices that have the same: a fleet of a million pumps keeps one. */

const MAX_CACHED_POSITIONS = 64;

/** Names in order. Compare by identity first: equal sets are usually the same object. */
export class ChannelSet {
  readonly names: readonly string[];
  /** One 32-bit hash a name. */
  readonly hashes: Uint32Array;
  /** Hash of the set; does not depend on the order of names. */
  readonly hash: number;
  #positions: Map<ChannelSet, Int32Array> | undefined;

  constructor(names: readonly string[]) {
    this.names = names;
    this.hashes = Uint32Array.from(names, hashText);
    this.hash = this.hashes.reduce((sum, hash) => (sum + hash) >>> 0, names.length);
  }

  get size(): number {
    return this.names.length;
  }

  /** For each channel of this set its index in `target`, or -1. */
  positionsIn(target: ChannelSet): Int32Array {
    this.#positions ??= new Map();
    const known = this.#positions.get(target);
    if (known !== undefined) return known;
    const index = new Map(target.names.map((name, c) => [name, c]));
    const positions = Int32Array.from(this.names, (name) => index.get(name) ?? -1);
    if (this.#positions.size === MAX_CACHED_POSITIONS) this.#positions.clear();
    this.#positions.set(target, positions);
    return positions;
  }
}

/**
 * Hands out one `ChannelSet` for equal names. Bounded: when full it forgets all, which costs sharing and never changes a
 * result, since nothing depends on two equal sets being one object.
 */
export class ChannelSetTable {
  readonly #sets = new Map<string, ChannelSet>();
  readonly #capacity: number;

  constructor(capacity = 65_536) {
    this.#capacity = capacity;
  }

  intern(names: readonly string[]): ChannelSet {
    const key = names.join('\n');
    const known = this.#sets.get(key);
    if (known !== undefined) return known;
    if (this.#sets.size === this.#capacity) this.#sets.clear();
    const set = new ChannelSet([...names]);
    this.#sets.set(key, set);
    return set;
  }

  /** The set with the names of `added` that `set` lacks at its end, as far as `maxChannels` allows. */
  extend(set: ChannelSet, added: ChannelSet, maxChannels: number): ChannelSet {
    const names = new Set(set.names);
    for (const name of added.names) if (names.size < maxChannels) names.add(name);
    return names.size === set.size ? set : this.intern([...names]);
  }
}

/** FNV-1a over UTF-16 units. Source: Fowler, Noll, Vo; IETF draft-eastlake-fnv. */
function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}
