import { PayloadTooLargeError } from '../errors.js';

/** A metric as its birth message describes it. */
export interface BornMetric {
  /** Device of the edge node; empty: the edge node itself. */
  readonly device: string;
  readonly name: string;
  /** `uint64` in decimal digits; undefined: it goes by its name. */
  readonly alias: string | undefined;
  /** Number of the datatype; 0: not told. */
  readonly datatype: number;
}

export interface AliasTableState {
  /** `seq` of the last message; undefined: none since the birth of the edge node was seen. */
  readonly seq: number | undefined;
  readonly metrics: readonly BornMetric[];
}

/** Most metrics that one edge node and its devices may bear. */
export const MAX_BORN_METRICS = 16_384;

/** As much of a name as is kept: one more than a channel may have, so that a name that is too long stays too long. */
const KEPT_NAME = 65;
/** `seq` counts 0 to 255, then from 0 again. */
const SEQ_VALUES = 256;

/**
 * What the birth messages of one edge node have said: names and types of metrics, which later messages leave out. Aliases are
 * unique within an edge node and all its devices, and `seq` counts their messages together, so there is one table an edge node.
 *
 * It holds at most `MAX_BORN_METRICS`; how many tables there are is for the caller to bound.
 */
export class AliasTable {
  #seq: number | undefined;
  #byName = new Map<string, BornMetric>();
  #byAlias = new Map<string, BornMetric>();

  /** @param state as `state()` gave it; undefined: nothing is known yet. */
  constructor(state?: AliasTableState) {
    if (state === undefined) return;
    this.#seq = state.seq;
    this.#learn(state.metrics);
  }

  state(): AliasTableState {
    return { seq: this.#seq, metrics: [...this.#byName.values()] };
  }

  /** Whether the birth of the edge node was seen, and not its death. */
  get isAlive(): boolean {
    return this.#seq !== undefined;
  }

  find(device: string, name: string | undefined, alias: string | undefined): BornMetric | undefined {
    if (name !== undefined) return this.#byName.get(keyOf(device, keptName(name)));
    const metric = alias === undefined ? undefined : this.#byAlias.get(alias);
    return metric?.device === device ? metric : undefined;
  }

  /**
   * The edge node (`device` empty) or one of its devices is born. Its metrics replace all that were known of it; the birth of
   * the edge node ends the session of its devices too.
   *
   * @throws PayloadTooLargeError when the edge node then has more than `MAX_BORN_METRICS`; nothing has changed.
   */
  birth(device: string, metrics: readonly BornMetric[]): void {
    const others = device === '' ? [] : this.#others(device);
    if (others.length + metrics.length > MAX_BORN_METRICS) {
      throw new PayloadTooLargeError(
        `an edge node and its devices must have at most ${MAX_BORN_METRICS} metrics, got ${others.length + metrics.length}`,
        { data: { limit: MAX_BORN_METRICS } },
      );
    }
    this.#replace(others);
    this.#learn(metrics);
  }

  /** The edge node (`device` empty) or one of its devices is gone. */
  death(device: string): void {
    if (device === '') this.#seq = undefined;
    this.#replace(device === '' ? [] : this.#others(device));
  }

  /** The `seq` of the birth of the edge node: a new count begins. */
  startSeq(seq: number): void {
    this.#seq = seq;
  }

  /** The `seq` of any other message. @returns the one that was expected, if another came. */
  nextSeq(seq: number): number | undefined {
    const expected = this.#seq === undefined ? undefined : (this.#seq + 1) % SEQ_VALUES;
    // Counted on from what came: one lost message is one gap.
    if (expected !== undefined) this.#seq = seq % SEQ_VALUES;
    return expected === seq ? undefined : expected;
  }

  #others(device: string): readonly BornMetric[] {
    return [...this.#byName.values()].filter((metric) => metric.device !== device);
  }

  #replace(metrics: readonly BornMetric[]): void {
    this.#byName = new Map();
    this.#byAlias = new Map();
    this.#learn(metrics);
  }

  #learn(metrics: readonly BornMetric[]): void {
    for (const metric of metrics) {
      const kept = { ...metric, name: keptName(metric.name) };
      this.#byName.set(keyOf(kept.device, kept.name), kept);
      if (kept.alias !== undefined) this.#byAlias.set(kept.alias, kept);
    }
  }
}

const keptName = (name: string): string => name.slice(0, KEPT_NAME);
/** A level of a topic has no slash, so the first one divides. */
const keyOf = (device: string, name: string): string => `${device}/${name}`;
