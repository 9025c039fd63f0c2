import { randomBytes } from 'node:crypto';
import { ServiceBroker, type BrokerOptions, type ServiceSchema } from 'moleculer';
import { pino, type Logger } from 'pino';
import { Registry } from 'prom-client';
import { busMetrics, type BusMetrics } from '../../mixins/bus/bus-metrics.js';
import { countsAgainstNode } from '../../mixins/bus/bus-errors.js';
import { busOptions, type BusOptions } from '../../mixins/bus/bus.js';
import { systemClock } from '../../mixins/clock.js';
import { NatsServer } from './nats-server.js';
import { until } from './until.js';

/** Who may call in these tests. */
export const PEOPLE = new Map([
  ['rsk_ours', { name: 'ann', tenant: 'default', role: 'admin' }],
  ['rsk_other', { name: 'bob', tenant: 'other', role: 'admin' }],
]);

export interface Member {
  readonly broker: ServiceBroker;
  readonly metrics: BusMetrics;
}

/** A NATS server, and brokers on it: members of the cluster, and strangers. */
export class TestBus {
  readonly secret = randomBytes(32);
  readonly #nats: NatsServer;
  readonly #brokers: ServiceBroker[] = [];

  private constructor(nats: NatsServer) {
    this.#nats = nats;
  }

  static async start(): Promise<TestBus> {
    return new TestBus(await NatsServer.start());
  }

  get url(): string {
    return this.#nats.url;
  }

  async member(
    name: string,
    services: readonly ServiceSchema[] = [],
    options: Partial<BusOptions> & { readonly broker?: BrokerOptions } = {},
  ): Promise<Member> {
    const { broker, ...bus } = options;
    const metrics = busMetrics(new Registry());
    const logger: Logger = pino({ level: 'silent' });
    const started = await this.#start(name, services, {
      ...busOptions({
        secret: this.secret,
        process: name,
        ownServices: ['scorer', 'door'],
        findKey: (key) => Promise.resolve(PEOPLE.get(key)),
        defaultTimeoutMs: 10_000,
        clock: systemClock,
        metrics,
        logger,
        ...bus,
      }),
      circuitBreaker: { enabled: true, minRequestCount: 5, check: countsAgainstNode },
      ...broker,
    });
    return { broker: started, metrics };
  }

  /** A plain broker of somebody else: it has no secret, and sends what it likes. */
  stranger(name: string, services: readonly ServiceSchema[] = []): Promise<ServiceBroker> {
    return this.#start(name, services, { requestTimeout: 10_000 });
  }

  async #start(nodeID: string, services: readonly ServiceSchema[], options: BrokerOptions): Promise<ServiceBroker> {
    const broker = new ServiceBroker({
      nodeID,
      namespace: 'bus-test',
      transporter: { type: 'NATS', options: { url: this.#nats.url } },
      logger: false,
      internalServices: false,
      skipProcessEventRegistration: true,
      heartbeatInterval: 1,
      heartbeatTimeout: 4,
      ...options,
      registry: { preferLocal: false, ...options.registry },
    });
    this.#brokers.push(broker);
    for (const service of services) broker.createService(service);
    await broker.start();
    return broker;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#brokers.map((broker) => broker.stop()));
    await this.#nats.stop();
  }
}

/** Waits until `broker` knows `action` on every one of `nodes`. */
export function knows(broker: ServiceBroker, action: string, ...nodes: readonly string[]): Promise<unknown> {
  return until(`${action} on ${nodes.join(', ')}`, () => {
    const list = broker.registry.getActionEndpoints(action) as { endpoints: { id: string }[] } | undefined;
    return nodes.every((node) => list?.endpoints.some(({ id }) => id === node) === true);
  });
}
