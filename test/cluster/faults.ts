/** Faults that a cluster must bear. Each is caused and undone by `run`; what the cluster does afterwards is for others to judge. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ServiceName } from '../../models/settings.js';
import type { StageName } from '../../models/stages/stage.js';
import type { SeededRandom } from '../../models/simulator/random.js';
import type { Cluster, Part } from '../support/cluster.js';

export interface FaultContext {
  readonly cluster: Cluster;
  readonly random: SeededRandom;
  /** Multiplies waits that are not about leases: smaller for a short run. */
  readonly patience: number;
}

export interface Fault {
  readonly name: string;
  /** Stage whose owners change, and how: for the figures. */
  readonly recovery?: { readonly stage: StageName; readonly kind: 'crash' | 'graceful' };
  run(context: FaultContext): Promise<void>;
}

/** Of a lease, ms (`storage/leases`). */
export const LEASE_TTL_MS = 10_000;
/** A dead process is started again after this long at the most, ms: sometimes before its leases have ended, sometimes after. */
const AWAY_MS = 13_000;
/** Beyond the lease, so that another owner has begun its work. */
const BEYOND_LEASE_MS = LEASE_TTL_MS + 4_000;

const KILLED: readonly ServiceName[] = ['gateway', 'ingest', 'model-registry', 'window', 'scorer', 'alerting'];
const STAGES: readonly StageName[] = ['window', 'scorer', 'alerting'];

function pick({ cluster, random }: FaultContext, service: ServiceName): Part {
  const parts = cluster.parts(service).filter(({ isRunning }) => isRunning);
  return parts[Math.floor(random.uniform() * parts.length)]!;
}

function kill(service: ServiceName): Fault {
  const stage = STAGES.find((name) => name === service);
  return {
    name: `kill -9 of ${service}`,
    ...(stage !== undefined && { recovery: { stage, kind: 'crash' } }),
    async run(context) {
      const part = pick(context, service);
      await part.kill9();
      const isReplicated = context.cluster.parts(service).length > 1;
      await sleep(context.random.uniform() * (isReplicated ? AWAY_MS : 2_000) * context.patience);
      part.start();
    },
  };
}

function pause(stage: StageName): Fault {
  return {
    name: `SIGSTOP of ${stage} beyond its lease`,
    recovery: { stage, kind: 'crash' },
    async run(context) {
      const part = pick(context, stage);
      part.pause();
      await sleep(BEYOND_LEASE_MS);
      part.resume();
    },
  };
}

function cutOff(stage: StageName): Fault {
  return {
    name: `partition between ${stage} and NATS`,
    recovery: { stage, kind: 'crash' },
    async run(context) {
      const { proxy, options } = pick(context, stage);
      if (proxy === undefined) throw new Error(`${options.name} has no proxy`);
      proxy.cut();
      await sleep(BEYOND_LEASE_MS);
      proxy.heal();
    },
  };
}

function stopOne(stage: StageName): Fault {
  return {
    name: `SIGTERM of ${stage}`,
    recovery: { stage, kind: 'graceful' },
    async run(context) {
      const part = pick(context, stage);
      await part.stop();
      await sleep(1_000);
      part.start();
    },
  };
}

const killNats: Fault = {
  name: 'kill -9 of nats-server',
  async run({ cluster }) {
    await cluster.nats.kill9();
    await cluster.nats.restart();
  },
};

const natsAbsent: Fault = {
  name: 'NATS absent for ten seconds',
  async run({ cluster, patience }) {
    await cluster.nats.kill9();
    await sleep(10_000 * patience);
    await cluster.nats.restart();
  },
};

const redisFlushed: Fault = {
  name: 'Redis FLUSHALL',
  run({ cluster }) {
    cluster.redis.cli('FLUSHALL');
    return Promise.resolve();
  },
};

const redisRestarted: Fault = {
  name: 'Redis restarted',
  async run({ cluster }) {
    await cluster.redis.kill9();
    await cluster.redis.restart();
  },
};

const redisAbsent: Fault = {
  name: 'Redis absent for a minute',
  async run({ cluster, patience }) {
    await cluster.redis.kill9();
    await sleep(60_000 * patience);
    await cluster.redis.restart();
  },
};

const slowConsumer: Fault = {
  name: 'slow consumer',
  async run(context) {
    const { proxy, options } = pick(context, 'scorer');
    if (proxy === undefined) throw new Error(`${options.name} has no proxy`);
    proxy.slow(2_000);
    await sleep(10_000 * context.patience);
    // The server gives up on one that reads too slowly; so does a network that has had enough.
    proxy.closeConnections();
    proxy.heal();
  },
};

const rollingRestart: Fault = {
  name: 'rolling restart of everything',
  async run({ cluster }) {
    for (const part of cluster.parts()) {
      await part.stop();
      part.start();
      await part.ready();
    }
  },
};

const scaled: Fault = {
  name: 'scorers 1, 5, 2',
  async run({ cluster }) {
    const [first, ...others] = cluster.parts('scorer');
    for (const { options } of others) await cluster.remove(options.name);
    await cluster.settled();
    const like = (others.at(-1) ?? first!).options;
    const added = ['a', 'b', 'c', 'd'].map((letter) => ({ ...like, name: `scorer-${letter}` }));
    await Promise.all(added.map((options) => cluster.add(options)));
    await cluster.settled();
    for (const { name } of added.slice(0, 3)) await cluster.remove(name);
  },
};

export const FAULTS: readonly Fault[] = [
  ...KILLED.map(kill),
  killNats,
  ...STAGES.map(pause),
  ...STAGES.map(cutOff),
  ...STAGES.map(stopOne),
  natsAbsent,
  redisFlushed,
  redisRestarted,
  redisAbsent,
  slowConsumer,
  rollingRestart,
  scaled,
];

/** Takes minutes rather than seconds: once in a run, however long. */
const ONCE: ReadonlySet<Fault> = new Set([redisAbsent]);

/** `count` faults in an order chosen by the seed; each kind comes once before any comes twice. */
export function faultsBySeed(random: SeededRandom, count: number): Fault[] {
  const chosen: Fault[] = [];
  while (chosen.length < count) {
    const deck = chosen.length === 0 ? [...FAULTS] : FAULTS.filter((fault) => !ONCE.has(fault));
    for (let i = deck.length - 1; i > 0; i--) {
      const j = Math.floor(random.uniform() * (i + 1));
      [deck[i], deck[j]] = [deck[j]!, deck[i]!];
    }
    chosen.push(...deck);
  }
  return chosen.slice(0, count);
}

/**
 * For a run of a minute: nearly every kind of fault, several at a time. Rolling restarts and scaling take longer than that, and are
 * left to the long run.
 */
export const ROUNDS: readonly { readonly name: string; readonly faults: readonly Fault[] }[] = [
  { name: 'kill -9 of one of each service', faults: KILLED.map(kill) },
  {
    name: 'two owners that stand still, one that is cut off',
    faults: [pause('scorer'), pause('alerting'), cutOff('window')],
  },
  { name: 'NATS and Redis killed and absent', faults: [natsAbsent, redisAbsent] },
  {
    name: 'Redis flushed and restarted, a slow consumer, SIGTERM of a window',
    faults: [redisFlushed, redisRestarted, slowConsumer, stopOne('window')],
  },
];
