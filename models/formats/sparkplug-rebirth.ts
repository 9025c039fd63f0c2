import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';

/** Field numbers of `Payload` and `Payload.Metric`. */
const PAYLOAD = { timestamp: 1, metrics: 2 } as const;
const METRIC = { name: 1, timestamp: 3, datatype: 4, booleanValue: 14 } as const;
const BOOLEAN = 11;

/**
 * The payload of an NCMD by which a host asks an edge node to be born again: it then tells names and aliases of all its metrics.
 *
 * @param timeMs Unix ms, whole
 *
 * Source: Sparkplug 3.0.0, 6.4.21 (`Node Control/Rebirth`)
 */
export function rebirthCommand(timeMs: number): Uint8Array {
  const writer = new BinaryWriter();
  writer.tag(PAYLOAD.timestamp, WireType.Varint).uint64(timeMs);
  writer.tag(PAYLOAD.metrics, WireType.LengthDelimited).fork();
  writer.tag(METRIC.name, WireType.LengthDelimited).string('Node Control/Rebirth');
  writer.tag(METRIC.timestamp, WireType.Varint).uint64(timeMs);
  writer.tag(METRIC.datatype, WireType.Varint).uint32(BOOLEAN);
  writer.tag(METRIC.booleanValue, WireType.Varint).bool(true);
  return writer.join().finish();
}
