/** The requests of JetStream's API that the adapters need, each one round trip and bounded in time. */
import type { ConsumerConfig, ConsumerInfo, StreamConfig, StreamInfo, StreamState } from '@nats-io/jetstream';
import { StorageFailedError } from '../../models/errors.js';
import type { NatsConnection, RequestOptions } from './nats-connection.js';

/** JetStream refused. `errCode` is its stable number for why. */
export class JetStreamRefusal extends StorageFailedError {
  readonly errCode: number;
  readonly description: string;

  constructor(what: string, errCode: number, description: string) {
    super(`JetStream refuses ${what}: ${description}`, { data: { errCode } });
    this.errCode = errCode;
    this.description = description;
  }
}

/** From the server's `errors.json`. */
export const RefusalCode = {
  noSuitablePeers: 10005,
  temporarilyUnavailable: 10008,
  notLeader: 10009,
  consumerNotFound: 10014,
  insufficientResources: 10023,
  messageNotFound: 10037,
  streamExistsOtherwise: 10058,
  streamNotFound: 10059,
  subjectsOverlap: 10065,
  wrongLastSequence: 10071,
} as const;

export interface PublishAck {
  readonly sequence: number;
  readonly isDuplicate: boolean;
}

export interface StoredMessage {
  readonly subject: string;
  readonly sequence: number;
  readonly payload: Uint8Array;
  /** When the server stored it, in Unix ms by its clock. */
  readonly timeMs: number;
  /** The first value of each header. */
  readonly headers: ReadonlyMap<string, string>;
}

/** Of publishes that must find the stream as they left it. */
export const PublishHeader = {
  expectedLast: 'Nats-Expected-Last-Sequence',
  expectedLastOfSubject: 'Nats-Expected-Last-Subject-Sequence',
  messageId: 'Nats-Msg-Id',
  rollup: 'Nats-Rollup',
} as const;

const PREFIX = '$JS.API';

export class JetStreamApi {
  readonly connection: NatsConnection;

  constructor(connection: NatsConnection) {
    this.connection = connection;
  }

  /**
   * @throws JetStreamRefusal with the server's reason, among them `wrongLastSequence`.
   * @throws StorageFailedError as `NatsConnection.request`.
   */
  async publish(subject: string, payload: Uint8Array | string, options: RequestOptions = {}): Promise<PublishAck> {
    const answer = await this.connection.request(subject, payload, options);
    const ack = parse(`a message to ${subject}`, answer.data) as { seq: number; duplicate?: boolean };
    return { sequence: ack.seq, isDuplicate: ack.duplicate === true };
  }

  /** Creates it, or answers with what is there when that has the same configuration. */
  createStream(config: Partial<StreamConfig> & { name: string }): Promise<StreamInfo> {
    return this.#ask<StreamInfo>(`STREAM.CREATE.${config.name}`, config);
  }

  /** @param subjectFilter also counts the messages of each subject that fits, in `state.subjects`. */
  streamInfo(name: string, subjectFilter?: string): Promise<StreamInfo> {
    return this.#ask<StreamInfo>(
      `STREAM.INFO.${name}`,
      subjectFilter === undefined ? undefined : { subjects_filter: subjectFilter },
    );
  }

  /** All streams of the account that have a subject within `subjectFilter`. */
  async streams(subjectFilter: string): Promise<readonly StreamInfo[]> {
    const found: StreamInfo[] = [];
    for (;;) {
      const page = await this.#ask<{ total: number; streams: StreamInfo[] | null }>('STREAM.LIST', {
        offset: found.length,
        subject: subjectFilter,
      });
      const streams = page.streams ?? [];
      found.push(...streams);
      if (streams.length === 0 || found.length >= page.total) return found;
    }
  }

  /** Bytes on disk that the streams of the account take, and how many they may; -1: as many as the server has. */
  async account(): Promise<{ readonly storedBytes: number; readonly mostBytes: number }> {
    const { storage, limits } = await this.#ask<{ storage: number; limits: { max_storage: number } }>('INFO');
    return { storedBytes: storage, mostBytes: limits.max_storage };
  }

  /** Removes messages, all that are below `belowSequence` (> 1) or all of one subject. */
  async purge(name: string, what: { belowSequence: number } | { subject: string }): Promise<void> {
    // nats-server 2.9 takes a sequence of 0 or 1 for none at all, and removes everything.
    if ('belowSequence' in what && what.belowSequence <= 1) return;
    await this.#ask(`STREAM.PURGE.${name}`, 'subject' in what ? { filter: what.subject } : { seq: what.belowSequence });
  }

  /** Answered by the leader, which knows the newest. @returns undefined when there is no such message. */
  async message(
    stream: string,
    which: { readonly sequence: number } | { readonly lastOf: string },
  ): Promise<StoredMessage | undefined> {
    try {
      const { message } = await this.#ask<{
        message: { subject: string; seq: number; time: string; data?: string; hdrs?: string };
      }>(`STREAM.MSG.GET.${stream}`, 'lastOf' in which ? { last_by_subj: which.lastOf } : { seq: which.sequence });
      return {
        subject: message.subject,
        sequence: message.seq,
        timeMs: Date.parse(message.time),
        payload: alignedCopy(Buffer.from(message.data ?? '', 'base64')),
        headers: parseHeaders(message.hdrs),
      };
    } catch (error) {
      if (error instanceof JetStreamRefusal && error.errCode === RefusalCode.messageNotFound) return undefined;
      throw error;
    }
  }

  createConsumer(stream: string, config: Partial<ConsumerConfig> & { name: string }): Promise<ConsumerInfo> {
    return this.#ask<ConsumerInfo>(`CONSUMER.CREATE.${stream}.${config.name}`, {
      stream_name: stream,
      config,
      action: 'create',
    });
  }

  /** Asks for messages; they come to `reply` one by one. Nothing happens when the consumer is gone. */
  pull(stream: string, consumer: string, request: object, reply: string): void {
    this.connection.publish(`${PREFIX}.CONSUMER.MSG.NEXT.${stream}.${consumer}`, JSON.stringify(request), reply);
  }

  async deleteConsumer(stream: string, consumer: string): Promise<void> {
    await this.#ask(`CONSUMER.DELETE.${stream}.${consumer}`);
  }

  /** All streams of the account. */
  async allStreams(): Promise<readonly StreamInfo[]> {
    return this.streams('>');
  }

  async deleteStream(name: string): Promise<void> {
    await this.#ask(`STREAM.DELETE.${name}`);
  }

  /** Begins to send the stream to `deliver`, chunk by chunk; each chunk wants an answer, and an empty one is the end. */
  snapshotStream(
    name: string,
    deliver: string,
    chunkBytes: number,
  ): Promise<{ readonly config: StreamConfig; readonly state: StreamState }> {
    return this.#ask(`STREAM.SNAPSHOT.${name}`, {
      deliver_subject: deliver,
      no_consumers: true,
      chunk_size: chunkBytes,
      jsck: true,
    });
  }

  /** @returns where the chunks are to be sent. */
  async beginRestore(name: string, config: StreamConfig, state: StreamState): Promise<string> {
    return (await this.#ask<{ deliver_subject: string }>(`STREAM.RESTORE.${name}`, { config, state })).deliver_subject;
  }

  async #ask<Answer>(what: string, body?: object): Promise<Answer> {
    const answer = await this.connection.request(`${PREFIX}.${what}`, body === undefined ? '' : JSON.stringify(body));
    return parse(what, answer.data) as Answer;
  }
}

/** In memory of its own, at a multiple of 8: it can be read as typed arrays, and does not hold the socket's buffer. */
export function alignedCopy(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(bytes.length);
  copy.set(bytes);
  return copy;
}

function parse(what: string, data: Uint8Array): object {
  let answer: { error?: { err_code?: number; description?: string } };
  try {
    answer = JSON.parse(new TextDecoder().decode(data)) as typeof answer;
  } catch (error) {
    throw new StorageFailedError(`the answer of NATS to ${what} is not JSON`, { cause: error });
  }
  if (answer.error !== undefined) {
    throw new JetStreamRefusal(what, answer.error.err_code ?? 0, answer.error.description ?? 'no reason given');
  }
  return answer;
}

function parseHeaders(base64: string | undefined): ReadonlyMap<string, string> {
  const headers = new Map<string, string>();
  if (base64 === undefined) return headers;
  for (const line of Buffer.from(base64, 'base64').toString().split('\r\n').slice(1)) {
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(0, colon));
    if (name !== '' && !headers.has(name)) headers.set(name, line.slice(colon + 1).trim());
  }
  return headers;
}
