/**
 * Traces: how long each part of the way of a request took, from HTTP through all stages. A sample is enough, and what is not in the
 * sample costs one comparison a request or chunk; no reading is ever looked at alone.
 *
 * Not the SDK of OpenTelemetry: its release 3 needs Node 22.15, we run on 20.19; and of it we would use the names of five fields.
 */
import { randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import { formatTraceparent, parseTraceparent, type TraceContext } from '../../models/tracing/traceparent.js';
import type { Clock } from '../clock.js';
import { SpanKind, type Attributes } from './otlp.js';
import { SpanExporter } from './span-exporter.js';

export interface Span {
  readonly traceId: string;
  /** For whoever goes on with this work. */
  readonly traceparent: string;
  /** Only the first time counts. @param error what it failed with, if it did; its type is told, nothing else. */
  end(error?: unknown): void;
}

export interface Tracer {
  /**
   * At the door: goes on with the trace that the client is recording, or begins one for a share of the requests.
   *
   * @param incoming the header `traceparent`, whatever it is.
   * @returns undefined when this request is not recorded.
   */
  begin(name: string, incoming: unknown, attributes?: Attributes): Span | undefined;
  /** Further in: goes on where there is a recorded trace. @param parent from outside too, so whatever it is. */
  follow(name: string, parent: unknown, attributes?: Attributes): Span | undefined;
  /** Sends what waits. */
  stop(): Promise<void>;
}

/** Where nobody collects traces. */
export const NO_TRACER: Tracer = {
  begin: () => undefined,
  follow: () => undefined,
  stop: () => Promise.resolve(),
};

export interface TracerOptions {
  /** Base URL of an OTLP/HTTP collector. */
  readonly endpoint: string;
  /** Share of requests that begin a trace, in [0, 1]. */
  readonly ratio: number;
  /** Who this is: `service.name`, `service.instance.id`. */
  readonly resource: Attributes;
  readonly clock: Clock;
  readonly logger: Logger;
  /** In [0, 1). Default `Math.random`. */
  readonly random?: () => number;
}

const TRACE_BYTES = 16;
const SPAN_BYTES = 8;

export function createTracer({
  endpoint,
  ratio,
  resource,
  clock,
  logger,
  random = Math.random,
}: TracerOptions): Tracer {
  const exporter = new SpanExporter(endpoint, resource, logger);

  function open(name: string, kind: SpanKind, parent: TraceContext | undefined, attributes: Attributes): Span {
    const traceId = parent?.traceId ?? randomBytes(TRACE_BYTES).toString('hex');
    const spanId = randomBytes(SPAN_BYTES).toString('hex');
    const startMs = clock.wallMs();
    const startedMs = clock.monotonicMs();
    let hasEnded = false;
    return {
      traceId,
      traceparent: formatTraceparent({ traceId, spanId, isSampled: true }),
      end(error) {
        if (hasEnded) return;
        hasEnded = true;
        const endMs = startMs + clock.monotonicMs() - startedMs;
        const fault = error === undefined ? undefined : faultOf(error);
        exporter.add({ traceId, spanId, parentSpanId: parent?.spanId, name, kind, startMs, endMs, attributes, fault });
      },
    };
  }

  return {
    begin(name, incoming, attributes = {}) {
      const parent = incoming === undefined ? undefined : parseTraceparent(incoming);
      const isWanted = parent === undefined ? ratio > 0 && random() < ratio : parent.isSampled;
      return isWanted ? open(name, SpanKind.server, parent, attributes) : undefined;
    },
    follow(name, parent, attributes = {}) {
      if (parent === undefined) return undefined;
      const context = parseTraceparent(parent);
      return context?.isSampled === true ? open(name, SpanKind.consumer, context, attributes) : undefined;
    },
    stop: () => exporter.stop(),
  };
}

/** Ends `span` with the work, as the work ends. */
export async function inSpan<T>(
  span: Span | undefined,
  work: (traceparent: string | undefined) => Promise<T>,
): Promise<T> {
  try {
    const result = await work(span?.traceparent);
    span?.end();
    return result;
  } catch (error) {
    span?.end(error);
    throw error;
  }
}

function faultOf(error: unknown): string {
  const { type } = Object(error) as { readonly type?: unknown };
  return typeof type === 'string' ? type : 'INTERNAL';
}
