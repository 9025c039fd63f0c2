/** Writes protobuf by hand, field by field, so that tests do not believe the library that they test. */
export class Bytes {
  readonly #bytes: number[] = [];

  get bytes(): Uint8Array {
    return Uint8Array.from(this.#bytes);
  }

  varint(field: number, value: number): this {
    this.#tag(field, 0);
    this.#number(BigInt(value));
    return this;
  }

  double(field: number, value: number): this {
    const view = new DataView(new ArrayBuffer(8));
    view.setFloat64(0, value, true);
    return this.fixed64(field, new Uint8Array(view.buffer));
  }

  fixed(field: number, value: bigint): this {
    const view = new DataView(new ArrayBuffer(8));
    view.setBigUint64(0, value, true);
    return this.fixed64(field, new Uint8Array(view.buffer));
  }

  fixed64(field: number, bytes: Uint8Array): this {
    this.#tag(field, 1);
    this.#bytes.push(...bytes);
    return this;
  }

  text(field: number, value: string): this {
    return this.#lengthed(field, Buffer.from(value));
  }

  message(field: number, value: Bytes): this {
    return this.#lengthed(field, value.bytes);
  }

  #lengthed(field: number, bytes: Uint8Array): this {
    this.#tag(field, 2);
    this.#number(BigInt(bytes.length));
    this.#bytes.push(...bytes);
    return this;
  }

  #tag(field: number, type: number): void {
    this.#number(BigInt((field << 3) | type));
  }

  #number(value: bigint): void {
    let rest = value;
    for (; rest >= 0x80n; rest >>= 7n) this.#bytes.push(Number(rest & 0x7fn) | 0x80);
    this.#bytes.push(Number(rest));
  }
}
