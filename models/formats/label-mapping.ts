/** Which device and which channel a value belongs to, decided from the labels (tags, attributes) that other formats give it. */
import { DEVICE_ID_WORDS, isDeviceId } from '../domain/identity.js';
import { quoteValue } from '../domain/quote-value.js';
import { RequestInvalidError } from '../errors.js';

/** How labels become names. Each format has its default. */
export interface LabelMapping {
  /**
   * What names the device, best first; the first of which every label is there is used. One label by its name (`host`), or
   * several joined in a text: `{site}/{line}`. At least 1.
   */
  readonly device: readonly string[];
  /**
   * Labels that are not written into the name of a channel. Whatever is neither here nor used for the device is: left out, the
   * values of two series would end up in one channel.
   */
  readonly leftOut: readonly string[];
}

/** Most labels of one series. A channel name has room for some four. */
export const MAX_LABELS = 64;

/** A series as far as its labels say it. */
export interface LabelledSeries {
  readonly device: string;
  /** Behind the name of each of its channels: the labels left over, by name, such as `[cpu:cpu0][mode:idle]`; or nothing. */
  readonly suffix: string;
}

/** The labels of one series, used again for the next one. A label without a value is no label (Prometheus, InfluxDB, OpenTelemetry). */
export class Labels {
  readonly map = new Map<string, string>();
  /** Why these cannot be the labels of a series. */
  problem: string | undefined;

  set(name: string, value: string): void {
    if (name === '') this.problem ??= 'a label must have a name';
    else if (this.map.has(name)) this.problem ??= `label ${quoteValue(name)} must be there once, got two`;
    else if (this.map.size === MAX_LABELS) this.problem ??= `a series must have at most ${MAX_LABELS} labels, got more`;
    else if (value !== '') this.map.set(name, value);
  }

  clear(): void {
    this.map.clear();
    this.problem = undefined;
  }
}

interface DeviceTemplate {
  readonly labels: readonly string[];
  /** Texts around the labels: one more than there are labels. */
  readonly texts: readonly string[];
}

const NO_LABELS: ReadonlyMap<string, string> = new Map();
const IN_BRACES = /\{([^{}]+)\}/;

/** A mapping made ready to be used for many series. */
export class LabelMapper {
  readonly #templates: readonly DeviceTemplate[];
  readonly #leftOut: ReadonlySet<string>;

  /** @throws RequestInvalidError when `mapping.device` is empty or has a text that is no template. */
  constructor(mapping: LabelMapping) {
    if (mapping.device.length === 0)
      throw new RequestInvalidError('device must be named by at least one label, got none');
    this.#templates = mapping.device.map(parseTemplate);
    this.#leftOut = new Set(mapping.leftOut);
  }

  /**
   * @param labels of the series itself. @param around labels that the series shares with others (of an OTLP resource): they may
   *   name the device, and are no part of channel names.
   * @returns device and the suffix of its channels; or in words why there is none. Names are refused, never changed: two devices
   *   must not become one.
   */
  seriesOf(labels: Labels, around: ReadonlyMap<string, string> = NO_LABELS): LabelledSeries | string {
    if (labels.problem !== undefined) return labels.problem;
    const { map } = labels;
    const template = this.#templates.find((one) => one.labels.every((label) => map.has(label) || around.has(label)));
    if (template === undefined) return this.#noDevice();
    const { texts } = template;
    const device = template.labels.reduce(
      (text, label, i) => text + (map.get(label) ?? around.get(label)!) + texts[i + 1]!,
      texts[0]!,
    );
    if (!isDeviceId(device)) return `device must be ${DEVICE_ID_WORDS}, got ${quoteValue(device)}`;
    let suffix = '';
    const rest = [...map.keys()].filter((label) => !this.#leftOut.has(label) && !template.labels.includes(label));
    for (const label of rest.sort()) suffix += `[${label}:${map.get(label)!}]`;
    return { device, suffix };
  }

  #noDevice(): string {
    const known = this.#templates.map(({ labels }) => labels.join(' with '));
    return `no label names the device: ${known.join(' or ')} was expected`;
  }
}

function parseTemplate(text: string): DeviceTemplate {
  // Text and label in turn, since the pattern captures the label.
  const parts = text.split(IN_BRACES);
  const texts = parts.filter((_, i) => i % 2 === 0);
  const labels = parts.filter((_, i) => i % 2 === 1);
  if (labels.length === 0 && text !== '' && !/[{}]/.test(text)) return { labels: [text], texts: ['', ''] };
  if (labels.length === 0 || texts.some((part) => /[{}]/.test(part))) {
    throw new RequestInvalidError(
      `device must be a label, or a text with labels in braces such as {site}/{line}, got ${quoteValue(text)}`,
    );
  }
  return { labels, texts };
}
