/** The context of a call or event, which knows whether it was made in this process. */
import { Context, type ServiceBroker } from 'moleculer';
import type { CallingOptions } from './call-policy.js';

type Endpoint = Parameters<Context['copy']>[0];

/**
 * The framework makes a context with `create` for what begins here, and with `new` for what comes over the wire. Nothing else
 * tells them apart: `nodeID` and `meta` are whatever the sender wrote, and it may write our own name.
 */
export class BusContext extends Context {
  #isLocal = false;

  static override create(broker: ServiceBroker, endpoint?: Endpoint, params?: object, options: object = {}): Context {
    const context = super.create(broker, endpoint as never, params as never, options);
    if (context instanceof BusContext) context.#isLocal = true;
    return context;
  }

  /** Whether the call or event began in this process; false for everything that came over the wire. */
  get isLocal(): boolean {
    return this.#isLocal;
  }

  override copy(endpoint?: Endpoint): Context {
    const context = super.copy(endpoint);
    if (context instanceof BusContext) context.#isLocal = this.#isLocal;
    return context;
  }

  /** Keeps what the caller asked for: the framework writes the time that the parent has left over it. */
  override call<Result>(action: string, params?: unknown, options: CallingOptions = {}): Promise<Result> {
    return super.call(action, params, { ...options, askedTimeoutMs: options.timeout ?? undefined } as CallingOptions);
  }
}
