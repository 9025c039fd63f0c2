/**
 * What happens, over a WebSocket: the same as `GET /v1/events`, for programs that have no reader of server-sent events. Each message is
 * `{"id","event","data"}`; `?after=<id>` goes on after an event.
 */
import type { IncomingMessage } from 'node:http';
import type { WebSocket } from 'ws';
import { isDeviceId } from '../../models/domain/identity.js';
import { quoteValue } from '../../models/domain/quote-value.js';
import { RequestInvalidError } from '../../models/errors.js';
import { MOST_STREAMS, type EventHub } from './event-hub.js';
import { queryOf, type SocketRoute } from './sockets.js';

export const EVENT_SOCKET_PATH = '/v1/events/socket';
/** Nothing is expected from who listens. */
const MOST_SENT_BYTES = 1_024;
const KNOWN = ['device', 'alerts', 'after'];

/** @param stillMay whether the key of a request is good as before */
export function eventSocket(hub: EventHub, stillMay: (request: IncomingMessage) => Promise<boolean>): SocketRoute {
  return {
    path: EVENT_SOCKET_PATH,
    may: 'read',
    maxMessageBytes: MOST_SENT_BYTES,
    mostSockets: MOST_STREAMS,
    check(query, { tenant }) {
      hub.requireRoom(tenant);
      for (const name of query.keys()) {
        if (!KNOWN.includes(name))
          throw new RequestInvalidError(`unknown parameter ${quoteValue(name)}: this takes ${KNOWN.join(', ')}`);
      }
      const device = query.get('device');
      if (device !== null && !isDeviceId(device))
        throw new RequestInvalidError(`device must be an id, got ${quoteValue(device)}`);
    },
    serve(socket, request, { tenant }) {
      const query = queryOf(request);
      const subscription = {
        tenant,
        device: query.get('device') ?? undefined,
        allAlerts: query.get('alerts') === 'all',
        stillMay: () => stillMay(request),
      };
      hub.read(readerOf(socket), subscription, query.get('after') ?? undefined);
    },
  };
}

function readerOf(socket: WebSocket) {
  return {
    waitingBytes: () => socket.bufferedAmount,
    tell: (text: string) => {
      for (const one of text.split('\n\n')) if (one !== '') socket.send(messageOf(one));
    },
    // The socket has a heartbeat of its own.
    beat: () => undefined,
    end: () => undefined,
    drop: () => socket.terminate(),
    onGone: (gone: () => void) => void socket.once('close', gone),
  };
}

/** The lines of a server-sent event as an object; its data is JSON on one line. */
function messageOf(event: string): string {
  const fields = new Map<string, string>();
  for (const line of event.split('\n')) {
    const colon = line.indexOf(': ');
    if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 2));
  }
  const word = (name: string): string => JSON.stringify(fields.get(name) ?? '');
  return `{"id":${word('id')},"event":${word('event')},"data":${fields.get('data') ?? '{}'}}`;
}
