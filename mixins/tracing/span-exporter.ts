import type { Logger } from 'pino';
import { RecurringFault } from '../recurring-fault.js';
import { exportRequest, type Attributes, type EndedSpan } from './otlp.js';

/** Spans that wait; more are dropped. Watching must never cost what it watches. */
const MOST_WAITING = 2_048;
const BATCH = 512;
const EVERY_MS = 1_000;
const POST_MS = 5_000;

/** Sends ended spans to an OTLP collector, a batch at a time. What cannot be sent is dropped, and told once a minute. */
export class SpanExporter {
  readonly #url: string;
  readonly #resource: Attributes;
  readonly #notSent: RecurringFault;
  #waiting: EndedSpan[] = [];
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> | undefined;
  #dropped = 0;

  /** @param endpoint base URL of the collector, as in `OTEL_EXPORTER_OTLP_ENDPOINT`. */
  constructor(endpoint: string, resource: Attributes, logger: Logger) {
    this.#url = `${endpoint.replace(/\/+$/, '')}/v1/traces`;
    this.#resource = resource;
    this.#notSent = new RecurringFault(logger, 'warn', 'spans could not be sent and are dropped', () =>
      performance.now(),
    );
  }

  add(span: EndedSpan): void {
    if (this.#waiting.length >= MOST_WAITING) this.#dropped++;
    else this.#waiting.push(span);
    if (this.#waiting.length >= BATCH) this.#flush();
    else this.#timer ??= setTimeout(() => this.#flush(), EVERY_MS).unref();
  }

  /** Sends what waits, for at most two requests' time. */
  async stop(): Promise<void> {
    await this.#sending;
    this.#flush();
    await this.#sending;
    clearTimeout(this.#timer);
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#sending !== undefined || this.#waiting.length === 0) return;
    this.#sending = this.#send(this.#waiting.splice(0, MOST_WAITING)).finally(() => {
      this.#sending = undefined;
      if (this.#waiting.length > 0) this.#timer ??= setTimeout(() => this.#flush(), EVERY_MS).unref();
    });
  }

  async #send(spans: readonly EndedSpan[]): Promise<void> {
    try {
      const response = await fetch(this.#url, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(exportRequest(spans, this.#resource)),
        signal: AbortSignal.timeout(POST_MS),
      });
      await response.body?.cancel();
      if (!response.ok) throw new Error(`the collector answered ${response.status}`);
    } catch (error) {
      this.#dropped += spans.length;
      this.#notSent.happened(error, { dropped: this.#dropped });
    }
  }
}
