/** A protobuf encoder as small as it can be, independent of what the product reads with. */

export type Field = Buffer;

function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  while (rest >= 128n) {
    bytes.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return Buffer.from(bytes);
}

const tag = (field: number, wireType: number): Buffer => varint(BigInt(field * 8 + wireType));

/** `int64`, `uint64`, `int32`, `uint32`, `bool`, enums. Negative numbers take ten bytes, as protobuf wants it. */
export const varintField = (field: number, value: number | bigint): Field =>
  Buffer.concat([tag(field, 0), varint(BigInt(value))]);

export function fixed64Field(field: number, value: bigint): Field {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt.asUintN(64, value));
  return Buffer.concat([tag(field, 1), bytes]);
}

export function doubleField(field: number, value: number): Field {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return Buffer.concat([tag(field, 1), bytes]);
}

export function floatField(field: number, value: number): Field {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return Buffer.concat([tag(field, 5), bytes]);
}

export const bytesField = (field: number, bytes: Uint8Array): Field =>
  Buffer.concat([tag(field, 2), varint(BigInt(bytes.length)), bytes]);
export const stringField = (field: number, text: string): Field => bytesField(field, Buffer.from(text));
export const messageField = (field: number, ...fields: readonly Field[]): Field =>
  bytesField(field, Buffer.concat(fields));
