/**
 * Names of keys in Redis. They hold the namespace, integers and hashes; ids from outside are fields, members and values.
 *
 * | key | type | what |
 * | --- | --- | --- |
 * | `<ns>:{<ns>:<p>}:scores` | hash | `#`: position and version; each device key: its summary |
 * | `<ns>:{<ns>:<p>}:ids` | sorted set | device keys, by name |
 * | `<ns>:{<ns>:<p>}:ages` | sorted set | device key → arrival of its oldest block of rows |
 * | `<ns>:{<ns>:<p>}:rows:<hash>` | list | latest rows of one device, TTL; see `packed-rows.ts` |
 * | `<ns>:{<ns>:<p>}:alerts` | hash | `#`: position; `tenant id`: the alert and its members in the index |
 * | `<ns>:{<ns>:<p>}:alert-index` | sorted set | see `alert-index.ts` |
 * | `<ns>:{<ns>:<p>}:alert-ends` | sorted set | `tenant id` of resolved alerts → arrival of their last change |
 * | `<ns>:{<ns>:<p>}:open-alerts` | hash | device key → ids of its open alerts |
 * | `<ns>:<shelf>:<hash>` | string | short-lived answers, TTL |
 *
 * What stands in braces chooses the slot: all that one script touches lies on one node of a Redis Cluster.
 */
import { createHash } from 'node:crypto';
import type { DeviceKey } from '../../../models/domain/identity.js';
import { SettingInvalidError } from '../../../models/errors.js';
import type { ProjectedTopic, Shelf } from '../read-side.js';

/** Field of the position. No device key and no alert is called so. */
export const POSITION_FIELD = '#';

const NAMESPACE = /^[A-Za-z0-9_-]{1,64}$/;
const HASH_CHARACTERS = 32;

export class RedisKeys {
  readonly #prefix: string;

  /** @throws SettingInvalidError when `prefix` has characters that mean something in a key. */
  constructor(prefix: string) {
    if (!NAMESPACE.test(prefix)) {
      throw new SettingInvalidError([
        `NAMESPACE must be 1 to 64 letters, digits, - or _, got ${JSON.stringify(prefix.slice(0, 100))}`,
      ]);
    }
    this.#prefix = prefix;
  }

  /** The keys that a script for one topic and partition gets, in its order. The first one holds the position. */
  ofTopic(topic: ProjectedTopic, partition: number): readonly string[] {
    const names =
      topic === 'scores' ? ['scores', 'ids', 'ages'] : ['alerts', 'alert-index', 'alert-ends', 'open-alerts'];
    return names.map((name) => `${this.#tagged(partition)}:${name}`);
  }

  rows(partition: number, device: DeviceKey): string {
    return `${this.#tagged(partition)}:rows:${hashOf(device)}`;
  }

  shelf(shelf: Shelf, tenant: string, key: string): string {
    return `${this.#prefix}:${shelf}:${hashOf(`${tenant}/${key}`)}`;
  }

  #tagged(partition: number): string {
    return `${this.#prefix}:{${this.#prefix}:${partition}}`;
  }
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, HASH_CHARACTERS);
}
