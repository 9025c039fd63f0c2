/** Alerts of the devices of one partition. Few and important, so each is a value of its own. */
import type { Alert, AlertRecord, AlertStatus } from '../../../models/domain/alert.js';
import { deviceKey, type DeviceKey } from '../../../models/domain/identity.js';
import type { RedisConnection } from '../../redis/redis-connection.js';
import {
  ANY_DEVICE,
  ANY_STATUS,
  MOST_OPEN,
  alertIndexKeys,
  lastOf,
  statusCode,
  type AlertIndexKey,
} from '../alert-index.js';
import { parseStanding, standingText, type Chunk, type ChunkStore, type Standing } from './projected-partition.js';
import { POSITION_FIELD, type RedisKeys } from './redis-keys.js';
import { EXPIRE_ALERTS, WRITE_ALERTS } from './redis-scripts.js';

/** Resolved alerts of one partition; of more the longest resolved go first. Open ones are one a device at most. */
const MOST_RESOLVED = 20_000;
const EXPIRE_AT_ONCE = 1_000;

/** The alert that a page ended with. */
export interface AlertAfter {
  readonly newestFirst: number;
  readonly id: string;
}

export interface ListedAlert extends AlertAfter {
  /** Sorts as the list does, over all partitions. */
  readonly order: string;
}

export class AlertTable implements ChunkStore<readonly AlertRecord[]> {
  readonly name: string;
  readonly #redis: RedisConnection;
  readonly #keys: readonly string[];

  constructor(redis: RedisConnection, keys: RedisKeys, partition: number) {
    this.name = `alerts.${partition}`;
    this.#redis = redis;
    this.#keys = keys.ofTopic('alerts', partition);
  }

  async standing(): Promise<Standing> {
    return parseStanding((await this.#redis.command('hget', this.#keys[0]!, POSITION_FIELD)) as Buffer | null);
  }

  /** Nothing is remembered here. */
  forget(): void {}

  async write(
    chunks: readonly Chunk<readonly AlertRecord[]>[],
    expected: Standing,
  ): Promise<{ isDone: boolean; standing: Standing }> {
    const { alerts, forgotten } = lastOf(chunks.flatMap(({ content }) => content));
    const reached = { sequence: chunks.at(-1)!.sequence, version: expected.version };
    const args = [standingText(expected), standingText(reached), MOST_RESOLVED, MOST_OPEN];
    for (const { tenant, device } of forgotten) args.push('', tenant, device, deviceKey(tenant, device));
    for (const alert of alerts) {
      const value = JSON.stringify({ members: alertIndexKeys(alert).map(memberOf), alert });
      const ended = alert.status === 'resolved' ? alert.changedMs : '';
      args.push(fieldOf(alert.tenant, alert.id), value, ended, deviceKey(alert.tenant, alert.device));
    }
    const [isDone, standing] = (await this.#redis.run(WRITE_ALERTS, this.#keys, args)) as [number, Buffer];
    return { isDone: isDone === 1, standing: parseStanding(standing) };
  }

  async get(tenant: string, ids: readonly string[]): Promise<readonly (Alert | undefined)[]> {
    if (ids.length === 0) return [];
    const fields = ids.map((id) => fieldOf(tenant, id));
    const found = (await this.#redis.command('hmget', this.#keys[0]!, ...fields)) as (Buffer | null)[];
    return found.map((value) =>
      value === null ? undefined : (JSON.parse(value.toString()) as { alert: Alert }).alert,
    );
  }

  async list(
    tenant: string,
    device: string | undefined,
    status: AlertStatus | undefined,
    after: AlertAfter | undefined,
    limit: number,
  ): Promise<readonly ListedAlert[]> {
    const prefix = `${tenant} ${device ?? ANY_DEVICE} ${status === undefined ? ANY_STATUS : statusCode(status)}`;
    const from = after === undefined ? `[${prefix} ` : `(${prefix} ${sortable(after.newestFirst)} ${after.id}`;
    const found = await this.#redis.command('zrangebylex', this.#keys[1]!, from, `(${prefix}!`, 'LIMIT', 0, limit);
    return (found as Buffer[]).map((member) => {
      const order = member.toString().slice(prefix.length + 1);
      const [time, id] = order.split(' ') as [string, string];
      return { order, newestFirst: numberOf(time), id };
    });
  }

  /** Ids of alerts that are not resolved, by device. */
  async open(devices: readonly DeviceKey[]): Promise<ReadonlyMap<DeviceKey, readonly string[]>> {
    if (devices.length === 0) return new Map();
    const found = (await this.#redis.command('hmget', this.#keys[3]!, ...devices)) as (Buffer | null)[];
    return new Map(devices.map((device, i) => [device, found[i]?.toString().split(' ') ?? []]));
  }

  /** @returns whether there may be more. */
  async expire(beforeMs: number): Promise<boolean> {
    return (await this.#redis.run(EXPIRE_ALERTS, this.#keys, [beforeMs, EXPIRE_AT_ONCE])) === EXPIRE_AT_ONCE;
  }
}

const fieldOf = (tenant: string, id: string): string => `${tenant} ${id}`;

/** No part has a space; one sorts before all else, so that a prefix is a range. */
function memberOf([tenant, device, status, newestFirst, id]: AlertIndexKey): string {
  return `${tenant} ${device} ${status} ${sortable(newestFirst)} ${id}`;
}

const scratch = new DataView(new ArrayBuffer(8));
const SIGN = 1n << 63n;
const ALL = (1n << 64n) - 1n;

/** 16 hex digits that sort like the number: the bits of a float64, all turned when negative, else the sign alone. */
function sortable(number: number): string {
  scratch.setFloat64(0, number === 0 ? 0 : number);
  const bits = scratch.getBigUint64(0);
  return ((bits & SIGN) === 0n ? bits ^ SIGN : bits ^ ALL).toString(16).padStart(16, '0');
}

function numberOf(text: string): number {
  const bits = BigInt(`0x${text}`);
  scratch.setBigUint64(0, (bits & SIGN) === 0n ? bits ^ ALL : bits ^ SIGN);
  return scratch.getFloat64(0);
}
