/** How tags, labels and attributes of other systems become a device and a channel. */
import { isChannelName, isDeviceId } from '../domain/identity.js';
import { quoteValue } from '../domain/quote-value.js';

export interface LabelNames {
  /** Labels that name the device, best first: the first that is there does. */
  readonly device: readonly string[];
  /** Labels that say nothing of what is measured. All others tell apart channels of the same name. */
  readonly ignored: readonly string[];
}

export const DEFAULT_LABEL_NAMES: LabelNames = {
  device: [
    'device',
    'device_id',
    'device.id',
    'sensor',
    'sensor_id',
    'host',
    'host.name',
    'instance',
    'service.instance.id',
  ],
  ignored: [
    'job',
    'service.name',
    'service.namespace',
    'telemetry.sdk.name',
    'telemetry.sdk.language',
    'telemetry.sdk.version',
  ],
};

/** Labels by name, in any order. */
export type Labels = ReadonlyMap<string, string>;

/**
 * A name is never changed so that it fits: two would become one.
 *
 * @param measure what is measured, for example `cpu.usage`
 * @returns device and channel, the latter with labels that tell it apart: `cpu.usage[cpu:0 mode:user]`; or, in words, why there is none
 */
export function nameOf(
  measure: string,
  labels: Labels,
  names: LabelNames,
): { readonly device: string; readonly channel: string } | string {
  const deviceLabel = names.device.find((name) => labels.has(name));
  if (deviceLabel === undefined) return `none of the labels ${names.device.join(', ')} says which device this is`;
  const device = labels.get(deviceLabel)!;
  if (!isDeviceId(device)) {
    return `${deviceLabel} must be 1 to 128 letters, digits or _ - . : @ /, got ${quoteValue(device)}`;
  }
  const rest: string[] = [];
  for (const [name, value] of labels) {
    // What names another device of the list belongs to the device, too: an instance beside a device.
    if (!names.device.includes(name) && !names.ignored.includes(name)) rest.push(`${name}:${value}`);
  }
  const channel = rest.length === 0 ? measure : `${measure}[${rest.sort().join(' ')}]`;
  if (isChannelName(channel)) return { device, channel };
  return `${quoteValue(channel)} must be 1 to 64 letters, digits or _ - . : @ / space % [ ] ( ) ° µ ² ³ as a channel: leave labels out by \`ignored_labels\``;
}
