import { quoteValue } from '../domain/quote-value.js';
import { RequestInvalidError } from '../errors.js';

const NODE_TYPES = ['NBIRTH', 'NDATA', 'NDEATH', 'NCMD'] as const;
const DEVICE_TYPES = ['DBIRTH', 'DDATA', 'DDEATH', 'DCMD'] as const;

export type SparkplugMessageType = (typeof NODE_TYPES)[number] | (typeof DEVICE_TYPES)[number];

export interface SparkplugTopic {
  readonly group: string;
  readonly type: SparkplugMessageType;
  readonly node: string;
  /** Undefined: the message is about the edge node itself. */
  readonly device: string | undefined;
}

const NAMESPACE = 'spBv1.0';

/**
 * Reads `spBv1.0/GROUP/TYPE/NODE[/DEVICE]`.
 *
 * @throws RequestInvalidError when the topic is none of an edge node or device; so is `spBv1.0/STATE/HOST`.
 */
export function parseSparkplugTopic(topic: string): SparkplugTopic {
  const [namespace, group = '', type = '', node = '', device, ...more] = topic.split('/');
  const nodeType = NODE_TYPES.find((known) => known === type);
  const deviceType = DEVICE_TYPES.find((known) => known === type);
  const isNamed = group !== '' && node !== '' && device !== '' && more.length === 0;
  if (namespace === NAMESPACE && isNamed) {
    if (nodeType !== undefined && device === undefined) return { group, type: nodeType, node, device };
    if (deviceType !== undefined && device !== undefined) return { group, type: deviceType, node, device };
  }
  throw new RequestInvalidError(
    `the topic must be ${NAMESPACE}/GROUP/N…/NODE or ${NAMESPACE}/GROUP/D…/NODE/DEVICE, got ${quoteValue(topic)}`,
  );
}
