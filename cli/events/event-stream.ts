/** Server-sent events of a server, over lost connections. */
import { setTimeout as sleep } from 'node:timers/promises';
import { createParser, type EventSourceMessage } from 'eventsource-parser';
import type { ApiClient } from '../client.js';
import { CommandFailure } from '../command-failure.js';
import { ExitCode } from '../exit-codes.js';

export interface ServerEvent {
  /** `score`, `alert`, … */
  readonly event: string;
  readonly data: unknown;
}

export interface EventStreamOptions {
  readonly device?: string | undefined;
  readonly signal: AbortSignal;
  /** Told about each lost connection, with the reason. */
  readonly onLost?: (reason: string) => void;
  /** Told when some of what happened while the connection was lost is not kept. */
  readonly onMissed?: () => void;
  /** Told each time that the stream is open. */
  readonly onOpen?: () => void;
}

const RECONNECT_MS = 1_000;
/** The server sends a heartbeat every 15 s: a stream that is silent for much longer is dead. */
const SILENT_MS = 45_000;
/** A message that is longer is none of ours. */
const MAX_MESSAGE_CHARACTERS = 4_194_304;

/**
 * Events until `signal` is aborted. What happens while the connection is lost is told when it is back, as far as the server has kept it.
 *
 * @throws CommandFailure when the first connection fails, or the server refuses the key.
 */
export async function* eventStream(client: ApiClient, options: EventStreamOptions): AsyncGenerator<ServerEvent> {
  let hasBeenOpen = false;
  let lastId: string | undefined;
  for (;;) {
    const connection = new AbortController();
    const signal = AbortSignal.any([options.signal, connection.signal]);
    let watchdog: NodeJS.Timeout | undefined;
    try {
      const body = await client.stream('/v1/events', { device: options.device }, signal, lastId);
      hasBeenOpen = true;
      options.onOpen?.();
      const messages: EventSourceMessage[] = [];
      const parser = createParser({
        onEvent: (message) => messages.push(message),
        maxBufferSize: MAX_MESSAGE_CHARACTERS,
      });
      const decoder = new TextDecoder();
      for await (const chunk of body) {
        clearTimeout(watchdog);
        watchdog = setTimeout(() => connection.abort(), SILENT_MS);
        parser.feed(decoder.decode(chunk, { stream: true }));
        for (const message of messages.splice(0)) {
          lastId = message.id ?? lastId;
          if (message.event === 'missed') {
            options.onMissed?.();
            continue;
          }
          yield { event: message.event ?? 'message', data: JSON.parse(message.data) as unknown };
        }
      }
      options.onLost?.('the server ended the stream');
    } catch (error) {
      if (options.signal.aborted) return;
      const isRefused = error instanceof CommandFailure && error.exitCode !== ExitCode.unreachable;
      if (!hasBeenOpen || isRefused) throw error;
      options.onLost?.(error instanceof Error ? error.message : String(error));
    } finally {
      clearTimeout(watchdog);
      connection.abort();
    }
    const isStopped = await sleep(RECONNECT_MS, false, { signal: options.signal }).catch(() => true);
    if (isStopped) return;
  }
}
