import { ReasonCode } from '../domain/reasons.js';

/** The strongest few reasons of a frame, strongest first. Used again for each frame, so it allocates nothing. */
export class ReasonList {
  length = 0;
  readonly code: Uint8Array;
  readonly channel: Uint32Array;
  readonly a: Float64Array;
  readonly b: Float64Array;
  readonly #strength: Float64Array;

  constructor(capacity: number) {
    this.code = new Uint8Array(capacity);
    this.channel = new Uint32Array(capacity);
    this.a = new Float64Array(capacity);
    this.b = new Float64Array(capacity);
    this.#strength = new Float64Array(capacity);
  }

  clear(): void {
    this.length = 0;
  }

  /** Keeps the reason when it is among the strongest. Of equal ones the first offered stays first. */
  offer(code: number, channel: number, a: number, b: number, strength: number): void {
    // A gap is the same for all channels, and so is a pattern: say it once, of the channel in which it is strongest.
    if (code === ReasonCode.gap || code === ReasonCode.pattern) {
      const same = this.#indexOf(code);
      if (same >= 0) {
        if (strength <= this.#strength[same]!) return;
        this.#remove(same);
      }
    }
    const { code: codes } = this;
    let place = this.length;
    while (place > 0 && this.#strength[place - 1]! < strength) place--;
    if (place === codes.length) return;
    const last = Math.min(this.length, codes.length - 1);
    for (let i = last; i > place; i--) this.#move(i - 1, i);
    codes[place] = code;
    this.channel[place] = channel;
    this.a[place] = a;
    this.b[place] = b;
    this.#strength[place] = strength;
    this.length = last + 1;
  }

  #indexOf(code: number): number {
    for (let i = 0; i < this.length; i++) if (this.code[i] === code) return i;
    return -1;
  }

  #remove(index: number): void {
    for (let i = index; i < this.length - 1; i++) this.#move(i + 1, i);
    this.length--;
  }

  #move(from: number, to: number): void {
    this.code[to] = this.code[from]!;
    this.channel[to] = this.channel[from]!;
    this.a[to] = this.a[from]!;
    this.b[to] = this.b[from]!;
    this.#strength[to] = this.#strength[from]!;
  }
}
