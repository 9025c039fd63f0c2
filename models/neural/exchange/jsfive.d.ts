/** What is used of the library, which has no types of its own. Whatever is wrong with a file, it throws: errors, or plain strings. */
declare module 'jsfive' {
  export class Group {
    readonly keys: readonly string[];
    readonly attrs: Readonly<Record<string, unknown>>;
    /** @returns undefined or null for a link that leads nowhere */
    get(name: string): unknown;
  }
  export class File extends Group {
    constructor(bytes: ArrayBuffer);
  }
  export class Dataset {
    readonly shape: readonly number[];
    /** In NumPy's spelling where it is a number: `<f4`. */
    readonly dtype: unknown;
    readonly attrs: Readonly<Record<string, unknown>>;
    readonly value: unknown;
  }
  /** By the number of the filter. */
  export const Filters: Map<number, unknown>;
}
