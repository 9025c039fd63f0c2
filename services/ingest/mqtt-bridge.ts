/**
 * Takes what MQTT clients publish into the log.
 *
 * Message by message in order, and each is taken out of its stream only when its readings are durable. So one may be taken twice,
 * when a process dies in between: its readings then get the outcome `duplicate`.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Clock } from '../../mixins/clock.js';
import { RecurringFault } from '../../mixins/recurring-fault.js';
import { ReadingBatch } from '../../models/domain/reading-batch.js';
import { RedshankError } from '../../models/errors.js';
import { decodeTelemetry, parseTelemetryTopic, type DecodedReadings } from '../../models/formats/index.js';
import { isCopy, topicOf, type MqttFeeds, type OpenMqttFeeds } from '../../storage/nats/mqtt-feeds.js';
import type { WorkFeed, WorkMessage } from '../../storage/nats/work-feed.js';
import type { IngestMetrics } from './ingest-metrics.js';
import { SPARKPLUG_TENANT, type SparkplugHost } from './sparkplug-host.js';

export interface MqttBridgeOptions {
  readonly open: OpenMqttFeeds;
  readonly sparkplug: SparkplugHost;
  /** Resolves when the readings of a tenant are in the log. @throws RedshankError `retryable` when they can be tried again. */
  readonly take: (tenant: string, batch: ReadingBatch) => Promise<void>;
  /** Counts readings that are refused. */
  readonly refused: (count: number) => void;
  readonly metrics: IngestMetrics;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Taken extends DecodedReadings {
  readonly tenant: string;
}

type Format = 'telemetry' | 'sparkplug';

/** Readings that are written at once. */
const BATCH_READINGS = 10_000;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;

export class MqttBridge {
  readonly #options: MqttBridgeOptions;
  readonly #notRead: RecurringFault;
  readonly #notTaken: RecurringFault;
  readonly #unreadable: RecurringFault;

  constructor(options: MqttBridgeOptions) {
    this.#options = options;
    const fault = (message: string): RecurringFault =>
      new RecurringFault(options.logger, 'warn', message, options.clock.monotonicMs);
    this.#notRead = fault('what MQTT clients publish cannot be read');
    this.#notTaken = fault('readings of MQTT clients wait: they could not be written');
    this.#unreadable = fault('a message of an MQTT client was refused');
  }

  /** Until `signal` is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { open, metrics, logger } = this.#options;
    const feeds = open((error) => this.#notRead.happened(error));
    signal.addEventListener('abort', () => feeds.close());
    if (signal.aborted) feeds.close();
    logger.info('reading what MQTT clients publish');
    metrics.mqttHolder.set(1);
    try {
      await Promise.all([this.#drain(feeds.acknowledged, feeds, signal), this.#drain(feeds.plain, feeds, signal)]);
    } finally {
      metrics.mqttHolder.set(0);
      feeds.close();
    }
  }

  async #drain(feed: WorkFeed, feeds: MqttFeeds, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const messages = await feed.next();
      let from = 0;
      while (from < messages.length) from = await this.#takeSome(messages, from, feeds, signal);
    }
  }

  /** @returns where the messages begin that are still to be taken; none are when `signal` is aborted. */
  async #takeSome(
    messages: readonly WorkMessage[],
    from: number,
    feeds: MqttFeeds,
    signal: AbortSignal,
  ): Promise<number> {
    const batches = new Map<string, ReadingBatch>();
    let readings = 0;
    let to = from;
    while (to < messages.length && readings < BATCH_READINGS) {
      const taken = await this.#untilDone(() => this.#decode(messages[to]!, feeds), signal);
      if (signal.aborted) return messages.length;
      to++;
      if (taken === undefined) continue;
      let batch = batches.get(taken.tenant);
      if (batch === undefined) batches.set(taken.tenant, (batch = ReadingBatch.create()));
      for (const { device, timeMs, channels, values } of taken.readings)
        batch.addReading(device, timeMs, channels, values);
      readings += taken.readings.length;
    }
    for (const [tenant, batch] of batches) {
      if (batch.length > 0) await this.#untilDone(() => this.#options.take(tenant, batch), signal);
    }
    if (!signal.aborted) for (const message of messages.slice(from, to)) message.acknowledge();
    return to;
  }

  /** Tries again for as long as it takes: nothing is dropped because something is away. Undefined: `signal` is aborted. */
  async #untilDone<T>(work: () => T | Promise<T>, signal: AbortSignal): Promise<T | undefined> {
    for (let pauseMs = FIRST_PAUSE_MS; !signal.aborted; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
      try {
        return await work();
      } catch (error) {
        this.#notTaken.happened(error);
        await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
      }
    }
    return undefined;
  }

  /** Undefined: there is nothing in it to take, which is told and counted. */
  async #decode(message: WorkMessage, feeds: MqttFeeds): Promise<Taken | undefined> {
    const topic = topicOf(message);
    const format: Format = topic.startsWith('iot/') ? 'telemetry' : 'sparkplug';
    if (format === 'telemetry' && message.subject.startsWith('iot.') && isCopy(message)) return undefined;
    const { refused, metrics } = this.#options;
    try {
      const taken =
        format === 'telemetry' ? telemetryOf(topic, message) : await this.#sparkplugOf(topic, message, feeds);
      if (taken === undefined) return undefined;
      const [first] = taken.rejected;
      if (first !== undefined) {
        refused(taken.rejectedCount);
        this.#unreadable.happened(new Error(first.reason), { format, refused: taken.rejectedCount });
      }
      metrics.mqttMessages.inc({ format, result: first === undefined ? 'taken' : 'refused' });
      return taken;
    } catch (error) {
      // Only what the sender did wrong ends a message; all else is tried again.
      if (!(error instanceof RedshankError) || error.retryable || error.code >= 500) throw error;
      refused(1);
      metrics.mqttMessages.inc({ format, result: 'refused' });
      this.#unreadable.happened(error, { format });
      return undefined;
    }
  }

  async #sparkplugOf(topic: string, message: WorkMessage, feeds: MqttFeeds): Promise<Taken | undefined> {
    const readings = await this.#options.sparkplug.read(topic, message, (subject, payload) =>
      feeds.publish(subject, payload),
    );
    return readings && { ...readings, tenant: SPARKPLUG_TENANT };
  }
}

function telemetryOf(topic: string, { payload, storedMs }: WorkMessage): Taken {
  const { tenant, device } = parseTelemetryTopic(topic);
  return { ...decodeTelemetry(device, payload, storedMs), tenant };
}
