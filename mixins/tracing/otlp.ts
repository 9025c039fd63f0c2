/** Spans in OTLP/HTTP with JSON encoding, https://opentelemetry.io/docs/specs/otlp/ (1.x, stable for traces). */

/** What a span is to its caller. Numbers of the protocol. */
export const SpanKind = { internal: 1, server: 2, consumer: 5 } as const;
export type SpanKind = (typeof SpanKind)[keyof typeof SpanKind];

export type Attributes = Readonly<Record<string, string | number>>;

export interface EndedSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** Undefined: the span begins its trace. */
  readonly parentSpanId: string | undefined;
  readonly name: string;
  readonly kind: SpanKind;
  /** Unix ms. */
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: Attributes;
  /** Type of the error it ended with. */
  readonly fault: string | undefined;
}

const FAILED = 2;

/** Body of one request to `/v1/traces`. @param resource who says this, for example `service.name`. */
export function exportRequest(spans: readonly EndedSpan[], resource: Attributes): object {
  return {
    resourceSpans: [
      {
        resource: { attributes: attributesOf(resource) },
        scopeSpans: [{ scope: { name: 'redshank' }, spans: spans.map(spanOf) }],
      },
    ],
  };
}

function spanOf(span: EndedSpan): object {
  const { traceId, spanId, parentSpanId, name, kind, startMs, endMs, attributes, fault } = span;
  return {
    traceId,
    spanId,
    ...(parentSpanId !== undefined && { parentSpanId }),
    name,
    kind,
    startTimeUnixNano: nanos(startMs),
    endTimeUnixNano: nanos(endMs),
    attributes: attributesOf(attributes),
    status: fault === undefined ? {} : { code: FAILED, message: fault },
  };
}

/** 64-bit integers are text in JSON. Microseconds are as exact as the clock is. */
function nanos(ms: number): string {
  return (BigInt(Math.round(ms * 1_000)) * 1_000n).toString();
}

function attributesOf(attributes: Attributes): object[] {
  return Object.entries(attributes).map(([key, value]) => ({
    key,
    value: typeof value === 'number' ? { intValue: String(Math.round(value)) } : { stringValue: value },
  }));
}
