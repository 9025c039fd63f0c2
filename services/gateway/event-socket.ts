/**
 * What happens, over a WebSocket: the same as `GET /v1/events`, for programs that have no reader of server-sent events. Each message is
 * `{"id","event","data"}`; `?after=<id>` goes on after an event.
 */
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

export function eventSocket(hub: EventHub): SocketRoute {
  return {
    path: EVENT_SOCKET_PATH,
    may: 'read',
    maxMessageBytes: MOST_SENT_BYTES,
    mostSockets: MOST_STREAMS,
    check(query) {
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
function messageOf(lines: string): string {
  const field = (name: string): string => new RegExp(`^${name}: (.*)$`, 'm').exec(lines)?.[1] ?? '';
  return `{"id":${JSON.stringify(field('id'))},"event":${JSON.stringify(field('event'))},"data":${field('data') || '{}'}}`;
}
