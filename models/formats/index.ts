/** The formats by which readings come in besides our own JSON. See README.md. */
export { decodeLineProtocol, LINE_PROTOCOL_MAPPING, parseLinePrecision } from './line-protocol.js';
export type { LinePrecision, LineProtocolOptions } from './line-protocol.js';
export { decodeRemoteWrite, REMOTE_WRITE_MAPPING } from './remote-write.js';
export type { RemoteWriteOptions } from './remote-write.js';
export { inflateSnappy } from './snappy.js';
export { decodeOtlpJson, decodeOtlpProtobuf, encodeOtlpAnswer, otlpAnswer, OTLP_MAPPING } from './otlp-metrics.js';
export type { OtlpAnswer, OtlpOptions } from './otlp-metrics.js';
export { decodeSparkplug, SPARKPLUG_MAPPING } from './sparkplug.js';
export type { SparkplugOptions, SparkplugReadings } from './sparkplug.js';
export { AliasTable, MAX_BORN_METRICS } from './sparkplug-alias-table.js';
export type { AliasTableState, BornMetric } from './sparkplug-alias-table.js';
export { parseSparkplugTopic } from './sparkplug-topic.js';
export type { SparkplugMessageType, SparkplugTopic } from './sparkplug-topic.js';
export { decodeCsv } from './csv-body.js';
export type { CsvDecodedReadings, CsvOptions } from './csv-body.js';
export type { LabelMapping } from './label-mapping.js';
export { DECODE_LIMITS, MAX_LISTED_REJECTIONS } from './reading-join.js';
export type { DecodedReading, DecodedReadings, DecodeLimits, PointRejection } from './reading-join.js';
