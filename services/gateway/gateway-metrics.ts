/** What the gateway counts. Labels come from our own tables: no path, id or method of a client is ever one. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

export interface GatewayMetrics {
  readonly requests: Counter<'method' | 'route' | 'status'>;
  readonly seconds: Histogram<'method' | 'route'>;
  readonly malformedLines: Counter;
  readonly predictCache: Counter<'result'>;
  readonly jobs: Gauge;
  readonly sockets: Gauge;
  readonly streams: Gauge;
  readonly droppedStreams: Counter;
}

export function gatewayMetrics(registry: Registry): GatewayMetrics {
  const registers = [registry];
  return {
    requests: new Counter({
      name: 'redshank_http_requests_total',
      help: 'HTTP requests answered, by method, route and status',
      labelNames: ['method', 'route', 'status'],
      registers,
    }),
    seconds: new Histogram({
      name: 'redshank_http_request_seconds',
      help: 'Time from request to the end of its answer, without event streams',
      labelNames: ['method', 'route'],
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      registers,
    }),
    malformedLines: new Counter({
      name: 'redshank_http_malformed_lines_total',
      help: 'NDJSON lines refused because they are not JSON',
      registers,
    }),
    predictCache: new Counter({
      name: 'redshank_predict_cache_total',
      help: 'Predictions looked for in the cache: hit or miss',
      labelNames: ['result'],
      registers,
    }),
    jobs: new Gauge({ name: 'redshank_predict_jobs', help: 'Prediction jobs that run or wait here', registers }),
    sockets: new Gauge({ name: 'redshank_reading_sockets', help: 'WebSockets of devices open now', registers }),
    streams: new Gauge({ name: 'redshank_event_streams', help: 'Event streams open now', registers }),
    droppedStreams: new Counter({
      name: 'redshank_event_streams_dropped_total',
      help: 'Event streams closed because their reader was too slow',
      registers,
    }),
  };
}
