/** Messages of others, decoded by protobufjs: small schemas here in the place of generated code. */
import protobuf from 'protobufjs/light.js';
import { RequestInvalidError } from '../errors.js';

const { Root, Type, Field } = protobuf;

/** `name: [number, type]` or `[number, type, 'repeated']`. */
export type Fields = Readonly<Record<string, readonly [id: number, type: string, rule?: 'repeated']>>;

/** Types that know each other by name. */
export function messages(types: Readonly<Record<string, Fields>>): InstanceType<typeof Root> {
  const root = new Root();
  for (const [name, fields] of Object.entries(types)) {
    const type = new Type(name);
    for (const [field, [id, kind, rule]] of Object.entries(fields)) type.add(new Field(field, id, kind, rule));
    root.add(type);
  }
  root.resolveAll();
  return root;
}

/**
 * A message as a plain object: 64-bit integers as numbers, what is not there left out, lists always there.
 *
 * @throws RequestInvalidError when the bytes are no such message
 */
export function decodeMessage(root: InstanceType<typeof Root>, name: string, bytes: Uint8Array): unknown {
  const type = root.lookupType(name);
  try {
    return type.toObject(type.decode(bytes), { longs: Number, arrays: true });
  } catch (error) {
    throw new RequestInvalidError(`the body must be a protobuf message ${name}: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
