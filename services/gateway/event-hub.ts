/** Server-sent events: what the services say on the bus, passed on to everyone who watches. */
import type { ServerResponse } from 'node:http';
import { OverloadedError } from '../../models/errors.js';
import { EventMemory, type EventName, type ToldEvent } from './event-memory.js';
import type { GatewayMetrics } from './gateway-metrics.js';

/** Streams open at once, of all tenants … */
export const MOST_STREAMS = 128;
/** … and of one: others find room beside the busiest. */
const MOST_STREAMS_A_TENANT = 96;
/**
 * Bytes that may wait for one reader, who is dropped beyond. Several full chunks of scores, which all partitions may commit at
 * once, must fit: a reader who keeps up is not dropped for a burst.
 */
export const MOST_WAITING_BYTES = 4_194_304;
/** A comment this often keeps proxies from closing a quiet stream, and tells us who is gone. In ms. */
const HEARTBEAT_MS = 15_000;
/** A key that was taken back, or has expired, hears nothing more after so long, in ms. */
const ASK_AGAIN_MS = 3_000;
/** How long events are kept after the last reader has left, in ms: it comes back within seconds. */
const REMEMBERS_MS = 30_000;
/** How long a client waits before it connects again, in ms. */
const RECONNECT_MS = 2_000;

export interface Subscription {
  readonly tenant: string;
  /** Only this device; undefined: all. */
  readonly device: string | undefined;
  /** Alerts of all devices, also where `device` is given. */
  readonly allAlerts: boolean;
  /** Whether who asked still may. What cannot be found out just now resolves with true. */
  readonly stillMay: () => Promise<boolean>;
}

/** One thing to tell, before it is known whether anybody listens. */
export interface Happening {
  readonly device: string;
  /** Called once, and only when somebody listens. */
  readonly data: () => unknown;
}

/** Where events go: a stream of server-sent events, or a socket. */
export interface EventReader {
  /** Not yet taken by the other side. */
  readonly waitingBytes: () => number;
  /** Events as lines of a stream, whole ones. */
  readonly tell: (text: string) => void;
  /** Keeps the connection open while nothing happens. */
  readonly beat: () => void;
  /** The gateway stops. */
  readonly end: () => void;
  /** It was too slow. */
  readonly drop: () => void;
  /** Calls back once, when the other side is gone. */
  readonly onGone: (gone: () => void) => void;
}

interface Stream extends Subscription {
  readonly reader: EventReader;
}

function isFor({ tenant, device, allAlerts }: Omit<Subscription, 'stillMay'>, told: ToldEvent): boolean {
  if (told.tenant !== tenant) return false;
  return device === undefined || told.device === device || (told.event === 'alert' && allAlerts);
}

export class EventHub {
  readonly #metrics: GatewayMetrics;
  readonly #watched: () => void;
  readonly #streams = new Set<Stream>();
  readonly #heartbeat: NodeJS.Timeout;
  readonly #askingAgain: NodeJS.Timeout;
  readonly #memory = new EventMemory();
  /** Monotonic ms until which events are kept although nobody listens: for a reader that lost its connection. */
  #remembersUntilMs = 0;

  /** @param watched is called when somebody begins to watch, and at each heartbeat while anybody does. */
  constructor(metrics: GatewayMetrics, watched: () => void) {
    this.#metrics = metrics;
    this.#watched = watched;
    this.#heartbeat = setInterval(() => this.#beat(), HEARTBEAT_MS).unref();
    this.#askingAgain = setInterval(() => this.#askAgain(), ASK_AGAIN_MS).unref();
  }

  /**
   * Turns `response` into a stream until the client leaves.
   *
   * @param lastId of the last event that the client has seen: it is told what came since, or that some of it is not kept
   * @throws OverloadedError when there are too many.
   */
  open(response: ServerResponse, subscription: Subscription, lastId?: string): void {
    this.requireRoom(subscription.tenant);
    response.writeHead(200, {
      'Content-Type': 'text/event-stream; charset=utf-8',
      'Cache-Control': 'no-store',
      'X-Accel-Buffering': 'no',
      // A stream ends only with its client or with us; nothing follows it on this connection.
      Connection: 'close',
    });
    response.write(`retry: ${RECONNECT_MS}\nid: ${this.#memory.lastId}\n: connected\n\n`);
    this.read(readerOf(response), subscription, lastId);
  }

  /** @throws OverloadedError when there are too many. */
  requireRoom(tenant: string): void {
    if (this.#streams.size >= MOST_STREAMS) {
      throw new OverloadedError(`at most ${MOST_STREAMS} event streams at once`, RECONNECT_MS);
    }
    let own = 0;
    for (const stream of this.#streams) if (stream.tenant === tenant) own++;
    if (own >= MOST_STREAMS_A_TENANT) {
      throw new OverloadedError(`at most ${MOST_STREAMS_A_TENANT} event streams at once a tenant`, RECONNECT_MS);
    }
  }

  /** Tells `reader` what happens until it is gone; after `requireRoom`. @param lastId as `open` */
  read(reader: EventReader, subscription: Subscription, lastId?: string): void {
    const stream: Stream = { ...subscription, reader };
    if (lastId !== undefined) this.#resume(stream, lastId);
    this.#streams.add(stream);
    this.#watched();
    this.#metrics.streams.set(this.#streams.size);
    reader.onGone(() => {
      this.#streams.delete(stream);
      this.#remembersUntilMs = performance.now() + REMEMBERS_MS;
      this.#metrics.streams.set(this.#streams.size);
    });
  }

  /** Tells everyone who asked for it; several happenings of one event travel in one write. */
  tell(event: EventName, tenant: string, happenings: readonly Happening[]): void {
    if (this.#streams.size === 0 && performance.now() > this.#remembersUntilMs) return;
    const told = happenings.map(({ device, data }): ToldEvent => {
      const number = this.#memory.next;
      const text = `id: ${this.#memory.idOf(number)}\nevent: ${event}\ndata: ${JSON.stringify(data())}\n\n`;
      const one = { number, tenant, device, event, text };
      this.#memory.keep(one);
      return one;
    });
    for (const stream of this.#streams) this.#tellOne(stream, told);
  }

  /** Drops what is kept of a device, and tells readers to do the same. */
  forget(tenant: string, device: string): void {
    this.#memory.forget(tenant, device);
    this.tell('forgotten', tenant, [{ device, data: () => ({ device }) }]);
  }

  /** Ends all streams; clients connect again, to whoever is there then. */
  close(): void {
    clearInterval(this.#heartbeat);
    clearInterval(this.#askingAgain);
    for (const { reader } of this.#streams) reader.end();
  }

  #resume(stream: Stream, lastId: string): void {
    const missed = this.#memory.after(lastId);
    if (missed !== undefined) this.#tellOne(stream, missed);
    // What is not kept can be read from the history.
    else stream.reader.tell('event: missed\ndata: {}\n\n');
  }

  #tellOne(stream: Stream, told: readonly ToldEvent[]): void {
    let text = '';
    for (const one of told) if (isFor(stream, one)) text += one.text;
    if (text !== '' && this.#keepsUp(stream)) stream.reader.tell(text);
  }

  #beat(): void {
    if (this.#streams.size > 0) this.#watched();
    for (const stream of this.#streams) if (this.#keepsUp(stream)) stream.reader.beat();
  }

  #askAgain(): void {
    for (const stream of this.#streams) {
      stream.stillMay().then(
        (may) => {
          if (may || !this.#streams.delete(stream)) return;
          this.#metrics.streams.set(this.#streams.size);
          stream.reader.drop();
        },
        () => undefined,
      );
    }
  }

  /** False: it did not, and is dropped. */
  #keepsUp(stream: Stream): boolean {
    if (stream.reader.waitingBytes() <= MOST_WAITING_BYTES) return true;
    this.#metrics.droppedStreams.inc();
    this.#streams.delete(stream);
    stream.reader.drop();
    return false;
  }
}

function readerOf(response: ServerResponse): EventReader {
  return {
    waitingBytes: () => response.writableLength,
    tell: (text) => void response.write(text),
    beat: () => void response.write(': heartbeat\n\n'),
    end: () => void response.end(),
    drop: () => void response.destroy(),
    onGone: (gone) => void response.once('close', gone),
  };
}
