/**
 * Backup of what a cluster keeps at NATS, while it runs: each stream as JetStream writes it down, with its sequence numbers.
 *
 * In this order, so that the parts fit together: snapshots first (each stands at or before what the log says is done), then of each
 * partition the topics against the flow, so that no result is there whose input is not. Nothing is trimmed meanwhile. Redis is
 * not in it: it is filled again from the log.
 *
 * Source: requests STREAM.SNAPSHOT and STREAM.RESTORE of JetStream (ADR-5, "nats stream backup")
 */
import type { StreamConfig, StreamState } from '@nats-io/jetstream';
import type { Msg } from 'nats';
import { ConflictError, StorageFailedError } from '../../models/errors.js';
import { partitionsOf, TOPICS, type Topic } from '../../models/stages/stage.js';
import { restoringName } from '../journal/jetstream-journal.js';
import { JetStreamRefusal, RefusalCode, type JetStreamApi } from '../nats/jetstream-api.js';

/** Against the flow. */
const FLOW: readonly Topic[] = ['alerts', 'scores', 'frames', 'readings'];
const CHUNK_BYTES = 128 * 1_024;
const SILENT_MS = 30_000;

/** What a stream is made of, beside its messages. */
export interface StreamHead {
  readonly config: StreamConfig;
  readonly state: StreamState;
}

/** Names of all streams of a cluster, in the order in which they are copied. */
export function streamsOf(namespace: string, partitions: number): readonly string[] {
  const ofTopic = (topic: Topic, partition: number): string => `${namespace}-${topic}-${partition}`;
  const others = TOPICS.filter((topic) => !FLOW.includes(topic));
  return [
    `OBJ_${namespace}-blobs`,
    `OBJ_${namespace}-models`,
    ...others.flatMap((topic) =>
      Array.from({ length: partitionsOf(topic, partitions) }, (_, partition) => ofTopic(topic, partition)),
    ),
    ...Array.from({ length: partitions }, (_, partition) => FLOW.map((topic) => ofTopic(topic, partition))).flat(),
    // Last: the number of its latest message is above every epoch in the log, so that new owners are not taken for old ones.
    `KV_${namespace}-leases`,
  ];
}

/**
 * @param head told before the first chunk
 * @throws StorageFailedError NATS goes silent or refuses.
 */
export async function* streamSnapshot(
  api: JetStreamApi,
  stream: string,
  head: (head: StreamHead) => void,
): AsyncGenerator<Uint8Array> {
  const { connection } = api;
  const inbox = connection.createInbox();
  const waiting: Msg[] = [];
  let wake: () => void = () => undefined;
  const subscription = connection.subscribe(inbox, (message) => {
    waiting.push(message);
    wake();
  });
  try {
    head(await api.snapshotStream(stream, inbox, CHUNK_BYTES));
    for (;;) {
      const message = waiting.shift();
      if (message === undefined) {
        await inTime(new Promise<void>((resolve) => (wake = resolve)), stream);
        continue;
      }
      if (message.data.length === 0) {
        const { code, description } = message.headers ?? { code: 0, description: '' };
        if (code >= 400) throw new StorageFailedError(`NATS stopped copying ${stream}: ${code} ${description}`);
        return;
      }
      yield Uint8Array.from(message.data);
      // Lets the server send on.
      if (message.reply !== undefined && message.reply !== '') connection.publish(message.reply, '');
    }
  } finally {
    subscription.unsubscribe();
  }
}

const TOPIC_AND_PARTITION = new RegExp(`^(?:${TOPICS.join('|')})-\\d+$`);

/** A name may begin with that of another: `plant` and `plant-2` may share their servers. */
function isTopicOf(namespace: string, stream: string): boolean {
  return stream.startsWith(`${namespace}-`) && TOPIC_AND_PARTITION.test(stream.slice(namespace.length + 1));
}

/** @throws ConflictError the cluster still runs, or has data that may not be replaced. */
export async function prepareStreams(
  api: JetStreamApi,
  namespace: string,
  isRunning: boolean,
  streams: readonly string[],
  mayReplace: boolean,
): Promise<void> {
  if (isRunning)
    throw new ConflictError('processes of this cluster still run: stop all of them, and try again after 15 s');
  const known = new Set(streams);
  // With the partitions of a cluster that had more of them.
  const there = (await api.allStreams()).filter(
    ({ config: { name } }) => known.has(name) || isTopicOf(namespace, name),
  );
  const filled = there.filter(({ state, config: { name } }) => state.last_seq > 0 && name !== `KV_${namespace}-leases`);
  if (filled.length > 0 && !mayReplace) {
    throw new ConflictError(
      `NATS has data of this cluster already (${filled[0]!.config.name} and others): --yes removes it, or set another NAMESPACE`,
    );
  }
  const name = restoringName(namespace);
  await api.createStream({ name, subjects: [`${namespace}.restoring`], storage: 'file' });
  for (const { config } of there) await api.deleteStream(config.name);
}

/** All is back: processes may start. */
export async function finishStreams(api: JetStreamApi, namespace: string): Promise<void> {
  await api.deleteStream(restoringName(namespace));
}

/** Creates the stream as it was. @throws StorageFailedError NATS refuses, or goes silent. */
export async function restoreStream(
  api: JetStreamApi,
  stream: string,
  { config, state }: StreamHead,
  replicas: number,
  content: AsyncIterable<Uint8Array>,
): Promise<void> {
  const { connection } = api;
  const to = await api.beginRestore(stream, { ...config, num_replicas: replicas }, state);
  const send = async (chunk: Uint8Array): Promise<Msg> => {
    const answer = await connection.request(to, chunk, { timeoutMs: SILENT_MS });
    const { code = 0, description = '' } = answer.headers ?? {};
    if (code >= 400) throw new StorageFailedError(`NATS does not take ${stream} back: ${code} ${description}`);
    return answer;
  };
  for await (const chunk of content) for (const part of pieces(chunk)) await send(part);
  const last = await send(new Uint8Array(0));
  const answer = JSON.parse(new TextDecoder().decode(last.data)) as { error?: { description?: string } };
  if (answer.error !== undefined) {
    throw new StorageFailedError(`NATS does not take ${stream} back: ${answer.error.description ?? 'no reason given'}`);
  }
}

/** The head of a stream that is not there: it has nothing. */
export function isMissing(error: unknown): boolean {
  return error instanceof JetStreamRefusal && error.errCode === RefusalCode.streamNotFound;
}

function* pieces(chunk: Uint8Array): Generator<Uint8Array> {
  for (let from = 0; from < chunk.length; from += CHUNK_BYTES) yield chunk.subarray(from, from + CHUNK_BYTES);
}

async function inTime(work: Promise<void>, stream: string): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new StorageFailedError(`NATS sent nothing of ${stream} for ${SILENT_MS} ms`)),
      SILENT_MS,
    );
  });
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
