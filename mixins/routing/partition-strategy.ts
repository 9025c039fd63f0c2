/**
 * Sends a call about a device to the node that owns the device's partition. One strategy for all actions, chosen in the broker
 * options: actions that say how many partitions there are (`partitionedAction`) are routed so, all others go to a node of this
 * process where it has the service, else round robin.
 *
 * The owner is looked up in the table of leases where this node has one (`provideOwners`). Elsewhere, and while a partition is
 * between two owners, rendezvous hashing names the node that most likely has it, alike everywhere; a wrong guess is answered
 * `NOT_OWNER` with the owner's name, and the call goes on from there.
 *
 * It is registered by name, since a strategy travels to other nodes only by name. Moleculer's own `Shard` is not used: it
 * moves half of all devices when a ninth replica joins eight, `preferLocal` bypasses it, and with an open circuit it throws
 * before retries and fallbacks have their turn. This strategy always answers with an endpoint of the list it is given.
 */
import { Strategies, type ActionSchema, type Context, type Endpoint, type ServiceBroker } from 'moleculer';
import { deviceKey, DEFAULT_TENANT } from '../../models/domain/identity.js';
import { partitionOf } from '../../models/routing/partition.js';
import { rendezvous } from '../../models/routing/placement.js';

export const PARTITION_STRATEGY = 'RedshankPartition';

/** Node that owns a partition of a stage, or undefined while nobody is known to. */
export type OwnerTable = (stage: string, partition: number) => string | undefined;

const tables = new WeakMap<ServiceBroker, OwnerTable>();

/** Lets calls of this broker find owners in `table`. */
export function provideOwners(broker: ServiceBroker, table: OwnerTable): void {
  tables.set(broker, table);
}

/**
 * What an action whose params are `{tenant, device}` adds to its definition to be routed to the owner. Without the name of the
 * strategy: definitions travel, and a node of another team that has no strategy of that name could see none of the service.
 */
export function partitionedAction(partitions: number): Partial<ActionSchema> {
  return { strategyOptions: { partitions } };
}

interface PartitionStrategyOptions {
  readonly partitions?: number;
}

class PartitionStrategy extends Strategies.Base {
  readonly #partitions: number | undefined;
  #turn = 0;

  constructor(...[registry, broker, options]: ConstructorParameters<typeof Strategies.Base>) {
    super(registry, broker, options);
    this.#partitions = (options as PartitionStrategyOptions | undefined)?.partitions;
  }

  override select(list: Endpoint[], ctx?: Context): Endpoint {
    return this.#owner(list, ctx) ?? list.find((endpoint) => endpoint.local) ?? this.#next(list);
  }

  #owner(list: readonly Endpoint[], ctx: Context | undefined): Endpoint | undefined {
    const { tenant, device } = (ctx?.params ?? {}) as { tenant?: unknown; device?: unknown };
    if (this.#partitions === undefined || typeof device !== 'string') return undefined;
    const key = deviceKey(typeof tenant === 'string' ? tenant : DEFAULT_TENANT, device);
    const partition = partitionOf(key, this.#partitions);
    const stage = (list[0] as Endpoint & { readonly service?: { readonly name: string } }).service?.name ?? '';
    const owner = tables.get(this.broker)?.(stage, partition);
    const known = owner === undefined ? undefined : list.find((endpoint) => endpoint.id === owner);
    if (known !== undefined) return known;
    const likely = rendezvous(
      list.map((endpoint) => endpoint.id),
      partition,
    );
    return list.find((endpoint) => endpoint.id === likely);
  }

  #next(list: readonly Endpoint[]): Endpoint {
    this.#turn = (this.#turn + 1) % list.length;
    return list[this.#turn]!;
  }
}

// On import, so that every process that can name the strategy has it. The framework stores the class; its types ask for an instance.
Strategies.register(PARTITION_STRATEGY, PartitionStrategy as unknown as PartitionStrategy);
