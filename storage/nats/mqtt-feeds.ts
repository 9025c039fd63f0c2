/**
 * What MQTT clients of nats-server publish, to be taken by one process at a time.
 *
 * - With QoS 1 and 2 the server acknowledges a message once it lies in its own stream `$MQTT_msgs`, which keeps it until everyone who
 *   is interested has acknowledged: so a durable consumer there loses nothing, whatever dies. The server creates the stream for the
 *   first client; it is created here before, since what comes before there is a consumer interests nobody and is gone.
 * - With QoS 0, and from clients of NATS itself, messages lie in a stream of ours as long as nobody takes them. It acknowledges to
 *   nobody: NATS would send the acknowledgement, with its own rights, wherever a device asks for it, into the log for example.
 *
 * A dot in a level of a topic is written as two slashes in a subject (nats-server from 2.10 on; 2.9 disconnects the client).
 */
import type { StreamConfig } from '@nats-io/jetstream';
import { JetStreamApi } from './jetstream-api.js';
import type { NatsConnection } from './nats-connection.js';
import { WorkFeed, type WorkMessage } from './work-feed.js';

export interface MqttFeeds {
  /** Telemetry with QoS 1 and 2. */
  readonly acknowledged: WorkFeed;
  /** Telemetry with QoS 0, and all of Sparkplug; also a copy of the telemetry with QoS 1. */
  readonly plain: WorkFeed;
  /** Publishes to MQTT clients, at most once. */
  publish(subject: string, payload: Uint8Array): void;
  close(): void;
}

/** @param failed told why nothing can be read; it is tried again, for as long as it takes. */
export type OpenMqttFeeds = (failed: (error: unknown) => void) => MqttFeeds;

/** What a dead reader was sent comes again after this. */
const ACK_WAIT_MS = 2_000;
export const SERVER_STREAM = '$MQTT_msgs';
const SERVER_PREFIX = '$MQTT.msgs.';
export const TELEMETRY_SUBJECTS = 'iot.*.*.telemetry';
export const SPARKPLUG_SUBJECTS = 'spBv1//0.>';
/** What comes beyond is lost, as QoS 0 may be. */
const MOST_BYTES = 2 ** 30;
/** Of the server, on what comes from a client of MQTT: its QoS. */
const QOS_HEADER = 'Nmqtt-Pub';

export const mqttStream = (namespace: string): string => `${namespace}-mqtt`;

export function openMqttFeeds(
  connection: NatsConnection,
  namespace: string,
  replicas: number,
  failed: (error: unknown) => void,
): MqttFeeds {
  const api = new JetStreamApi(connection);
  const stream = { storage: 'file', num_replicas: replicas, max_msgs: -1, max_age: 0 } as const;
  const ofServer: Partial<StreamConfig> & { name: string } = {
    ...stream,
    name: SERVER_STREAM,
    subjects: [`${SERVER_PREFIX}>`],
    retention: 'interest',
    discard: 'old',
    max_bytes: -1,
  };
  const ours: Partial<StreamConfig> & { name: string } = {
    ...stream,
    name: mqttStream(namespace),
    subjects: [TELEMETRY_SUBJECTS, SPARKPLUG_SUBJECTS],
    retention: 'workqueue',
    discard: 'new',
    max_bytes: MOST_BYTES,
    no_ack: true,
  };
  const consumer = mqttStream(namespace);
  const acknowledged = new WorkFeed(
    api,
    { stream: ofServer, consumer, subjects: SERVER_PREFIX + TELEMETRY_SUBJECTS, ackWaitMs: ACK_WAIT_MS },
    failed,
  );
  const plain = new WorkFeed(api, { stream: ours, consumer, subjects: '>', ackWaitMs: ACK_WAIT_MS }, failed);
  return {
    acknowledged,
    plain,
    publish: (subject, payload) => connection.publish(subject, payload),
    close: () => {
      acknowledged.close();
      plain.close();
    },
  };
}

/** The topic under which a client published. */
export function topicOf({ subject }: Pick<WorkMessage, 'subject'>): string {
  const bare = subject.startsWith(SERVER_PREFIX) ? subject.slice(SERVER_PREFIX.length) : subject;
  return bare
    .split('.')
    .map((level) => level.replaceAll('//', '.'))
    .join('/');
}

/** Whether the message also lies in the stream of the server, which is the one that acknowledges it. */
export function isCopy({ header }: Pick<WorkMessage, 'header'>): boolean {
  return Number(header(QOS_HEADER)) > 0;
}
