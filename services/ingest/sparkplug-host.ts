/** What a host of Sparkplug B remembers of its edge nodes: which metric an alias stands for. */
import type { Logger } from 'pino';
import type { Clock } from '../../mixins/clock.js';
import { DEFAULT_TENANT } from '../../models/domain/identity.js';
import {
  AliasTable,
  decodeSparkplug,
  parseSparkplugTopic,
  rebirthCommand,
  type AliasTableState,
  type SparkplugReadings,
} from '../../models/formats/index.js';
import type { ReadSide } from '../../storage/read-side/read-side.js';
import type { WorkMessage } from '../../storage/nats/work-feed.js';

/** A group says nothing of who owns it. */
export const SPARKPLUG_TENANT = DEFAULT_TENANT;
/** Edge nodes of which aliases are in memory; others are read again from where their births are kept. */
const MOST_TABLES = 1_000;
/** A node that is not heard of for so long is asked for its birth when it is heard again. */
const BIRTHS_LAST_MS = 90 * 86_400_000;
const REBIRTH_EVERY_MS = 60_000;
const TYPE_LEVEL = 2;

interface Node {
  readonly table: AliasTable;
  askedMs: number;
}

export class SparkplugHost {
  readonly #readSide: ReadSide;
  readonly #clock: Clock;
  readonly #logger: Logger;
  /** The one that was heard of longest ago first. */
  readonly #nodes = new Map<string, Node>();

  constructor(readSide: ReadSide, clock: Clock, logger: Logger) {
    this.#readSide = readSide;
    this.#clock = clock;
    this.#logger = logger;
  }

  /**
   * Readings of a message, in order of the messages of each edge node. A node of which too little is known is asked to be born again.
   *
   * @param publish to MQTT clients
   * @returns undefined: it is a command, or the word of a host
   * @throws RequestInvalidError, PayloadTooLargeError as `decodeSparkplug`
   * @throws StorageFailedError births cannot be read now: try again, else its readings would be refused.
   */
  async read(
    topic: string,
    message: WorkMessage,
    publish: (subject: string, payload: Uint8Array) => void,
  ): Promise<SparkplugReadings | undefined> {
    if (topic.startsWith('spBv1.0/STATE/')) return undefined;
    const parsed = parseSparkplugTopic(topic);
    if (parsed.type === 'NCMD' || parsed.type === 'DCMD') return undefined;
    const key = `${parsed.group}/${parsed.node}`;
    const node = await this.#node(key);
    const readings = decodeSparkplug(parsed, message.payload, node.table, { receivedMs: message.storedMs });
    if (parsed.type.endsWith('BIRTH') || parsed.type.endsWith('DEATH')) await this.#keep(key, node.table);
    if (readings.needsRebirth) this.#askForBirth(node, message.subject, publish);
    return readings;
  }

  async #node(key: string): Promise<Node> {
    const known = this.#nodes.get(key);
    const node = known ?? { table: await this.#kept(key), askedMs: -Infinity };
    this.#nodes.delete(key);
    this.#nodes.set(key, node);
    if (this.#nodes.size > MOST_TABLES) this.#nodes.delete(this.#nodes.keys().next().value!);
    return node;
  }

  async #kept(key: string): Promise<AliasTable> {
    const bytes = await this.#readSide.get('birth', SPARKPLUG_TENANT, key, this.#clock.wallMs());
    return new AliasTable(bytes && (JSON.parse(new TextDecoder().decode(bytes)) as AliasTableState));
  }

  /** What is not kept is asked for again by whoever takes over. */
  async #keep(key: string, table: AliasTable): Promise<void> {
    const state = new TextEncoder().encode(JSON.stringify(table.state()));
    const nowMs = this.#clock.wallMs();
    await this.#readSide.put('birth', SPARKPLUG_TENANT, key, state, BIRTHS_LAST_MS, nowMs).catch((error: unknown) => {
      this.#logger.warn({ err: error }, 'the birth of an edge node could not be kept');
    });
  }

  /** At the subject by which the node was heard, with another type: no name is put into a subject here. */
  #askForBirth(node: Node, subject: string, publish: (subject: string, payload: Uint8Array) => void): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - node.askedMs < REBIRTH_EVERY_MS) return;
    node.askedMs = nowMs;
    const levels = subject.split('.').slice(0, TYPE_LEVEL + 2);
    publish(levels.with(TYPE_LEVEL, 'NCMD').join('.'), rebirthCommand(Math.round(this.#clock.wallMs())));
  }
}
