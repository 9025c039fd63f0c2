/**
 * Who may say and hear what at NATS: one user for each role, with the subjects that the role needs and no others.
 *
 * The tables below are the source; `natsPermissions` turns them into a block for the configuration of nats-server, from 2.9.10 on.
 * Tests start their servers with it. For a deployment:
 *
 *     npx tsx k8s/nats/permissions.ts [--namespace redshank] [--partitions 32] [--guest NAME]…
 *         [--sensor [TENANT/]DEVICE]… [--edge-node GROUP/NODE]… > permissions.conf
 *
 * Passwords are not in it: the server reads `$NATS_PASSWORD_GATEWAY` and so on from its environment. What these permissions protect
 * and what they cannot is in docs/security.md.
 */
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { inboxPrefixOf, SERVICE_NAMES, type Role } from '../../models/settings.js';
import { partitionsOf, TOPICS, type StageName, type Topic } from '../../models/stages/stage.js';
import { DEFAULT_TENANT, isTenantId } from '../../models/domain/identity.js';
import { mqttStream, SERVER_STREAM } from '../../storage/nats/mqtt-feeds.js';
import { PARTITIONS_BLOB } from '../../storage/partition-count.js';

export interface PermissionOptions {
  /** `NAMESPACE` of the cluster. Default `redshank`. */
  readonly namespace?: string;
  /** `partitions` of the cluster. Default 32. */
  readonly partitions?: number;
  /** Users for services of other teams. Default one, `guest`. */
  readonly guests?: readonly string[];
  /**
   * Users for devices that publish at NATS or over its MQTT, each named as its device; before the name may stand the tenant,
   * `acme/boiler-1`. Default one, `sensor`.
   */
  readonly sensors?: readonly string[];
  /** Users for edge nodes of Sparkplug, `GROUP/NODE`, each named as its node. Default none. */
  readonly edgeNodes?: readonly string[];
  /** Password of a user as it stands in the configuration. Default: taken from the server's environment. */
  readonly password?: (user: string) => string;
}

interface RoleTable {
  /** Whose actions it calls. Answers go back the same way. */
  readonly calls: readonly Role[];
  /** To whom it sends events. */
  readonly tells: readonly Listener[];
  readonly reads: readonly Topic[];
  readonly writes: readonly Topic[];
  /** Topics whose beginning it removes when nobody needs it any more. */
  readonly trims: readonly Topic[];
  /** Stages whose leases it takes. All may look at all leases: calls find their owners there. */
  readonly leases: readonly StageName[];
  /** `layout`: of blobs it only writes the number of partitions, which whoever starts first writes down. */
  readonly blobs: 'all' | 'layout';
  /** Whether it takes what MQTT clients publish. */
  readonly readsMqtt?: boolean;
  /** Whether it stores trained models. They are named by their content, so nobody can change one. All may read them. */
  readonly storesModels: boolean;
}

/** `guest` stands for all of them. */
type Listener = Role | 'guest';

const STAGE_HOSTS: readonly Role[] = ['window', 'scorer', 'alerting', 'node'];
const WITH_PUBLIC_ACTIONS: readonly Role[] = ['ingest', 'window', 'scorer', 'alerting', 'model-registry', 'node'];
/**
 * Not the secret that a cluster without `CLUSTER_SECRET` keeps in its log: a credential of NATS would be one for calls, too. So with
 * these permissions the setting is needed, and a process without it does not start.
 */
const FOR_SERVICES: readonly Topic[] = TOPICS.filter((topic) => topic !== 'secrets');
const SHOWS_CLUSTER: readonly string[] = ['gateway', 'node'];
/** `stage.progress` and `stage.leaving`. */
const PROGRESS: readonly Listener[] = ['ingest', ...STAGE_HOSTS, 'guest'];
/** `score.computed` and `alert.*`. */
const NEWS: readonly Listener[] = ['gateway', 'node', 'guest'];

const ROLES: Readonly<Record<Role, RoleTable>> = {
  gateway: {
    calls: WITH_PUBLIC_ACTIONS,
    // `live.watched`.
    tells: ['scorer', 'node'],
    // Scores that the read side has no room for.
    reads: ['scores', 'keys', 'audit', 'silences'],
    // Keys are made and taken back, and every change is written down, by gateways.
    writes: ['keys', 'audit', 'silences'],
    trims: ['audit'],
    leases: [],
    blobs: 'layout',
    storesModels: true,
  },
  ingest: {
    calls: [],
    tells: [],
    // The last record of each says how far a stage has come.
    reads: ['frames', 'scores', 'alerts', 'keys'],
    writes: ['readings'],
    trims: [],
    leases: [],
    readsMqtt: true,
    blobs: 'layout',
    storesModels: false,
  },
  window: {
    calls: ['window', 'node'],
    tells: PROGRESS,
    reads: ['readings', 'frames', 'keys'],
    // Into `readings` it puts ticks, when a deadline has passed and nothing comes.
    writes: ['readings', 'frames'],
    trims: ['readings'],
    leases: ['window'],
    blobs: 'all',
    storesModels: false,
  },
  scorer: {
    calls: ['scorer', 'node'],
    tells: [...PROGRESS, 'gateway'],
    reads: ['frames', 'scores', 'keys'],
    writes: ['scores'],
    trims: ['frames'],
    leases: ['scorer'],
    blobs: 'all',
    storesModels: false,
  },
  alerting: {
    // Commands go into the log through `ingest`.
    calls: ['alerting', 'ingest', 'node'],
    tells: [...PROGRESS, ...NEWS],
    reads: ['scores', 'alerts', 'keys'],
    writes: ['alerts'],
    trims: ['scores', 'alerts'],
    leases: ['alerting'],
    blobs: 'all',
    storesModels: false,
  },
  'model-registry': {
    // Champions go into the log through `ingest`.
    calls: ['ingest', 'node'],
    tells: [],
    // Scores are what it trains from.
    reads: ['registry', 'scores', 'keys'],
    writes: ['registry'],
    trims: [],
    leases: [],
    blobs: 'layout',
    storesModels: true,
  },
  node: {
    calls: WITH_PUBLIC_ACTIONS,
    tells: [...PROGRESS, ...NEWS],
    reads: FOR_SERVICES,
    writes: FOR_SERVICES,
    trims: ['readings', 'frames', 'scores', 'alerts', 'audit'],
    leases: ['window', 'scorer', 'alerting'],
    readsMqtt: true,
    blobs: 'all',
    storesModels: true,
  },
};

/** May look after the data, and does not take part in calls. */
export const OPERATOR = 'operator';
/** Of the system account: may ask the servers how they are (`nats server report`), and sees no reading. */
export const SYSTEM = 'system';
const GUESTS = ['guest'];
const SENSORS = ['sensor'];
const USER_FORM = /^[a-z][a-z0-9-]{0,31}$/;
const GROUP_FORM = /^[A-Za-z0-9_-]{1,64}$/;
const NAMESPACE_FORM = /^[a-z0-9-]{1,32}$/;
const MOST_PARTITIONS = 1_024;

interface Permissions {
  readonly publish: readonly string[];
  /** Empty: nothing at all. */
  readonly subscribe: readonly string[];
}

/**
 * The block `accounts` of a configuration of nats-server: the account `REDSHANK` with all users, and the system account `SYS` with one.
 * Whoever has no user there is not let in.
 *
 * @throws RangeError for names that cannot be part of a subject, or are taken.
 */
export function natsPermissions(options: PermissionOptions = {}): string {
  const users = permissionsOf(options);
  const password = options.password ?? ((user) => `$${passwordVariable(user)}`);
  return [
    'accounts {',
    '  REDSHANK {',
    '    jetstream: enabled',
    '    users: [',
    ...[...users].map(([user, permissions]) => userBlock(user, password(user), permissions)),
    '    ]',
    '  }',
    `  SYS { users: [ { user: ${SYSTEM}, password: ${password(SYSTEM)} } ] }`,
    '}',
    'system_account: SYS',
    '',
  ].join('\n');
}

/** Where nats-server finds the password of a user, in its environment. */
export function passwordVariable(user: string): string {
  return `NATS_PASSWORD_${user.toUpperCase().replaceAll('-', '_')}`;
}

/** Subjects of each user. @throws RangeError as `natsPermissions`. */
export function permissionsOf(options: PermissionOptions = {}): ReadonlyMap<string, Permissions> {
  const { namespace = 'redshank', partitions = 32, guests = GUESTS, sensors = SENSORS, edgeNodes = [] } = options;
  if (!NAMESPACE_FORM.test(namespace)) {
    throw new RangeError(`namespace must be 1 to 32 of a-z, 0-9 and -, got ${JSON.stringify(namespace)}`);
  }
  if (!Number.isInteger(partitions) || partitions < 1 || partitions > MOST_PARTITIONS) {
    throw new RangeError(`partitions must be a whole number from 1 to ${MOST_PARTITIONS}, got ${partitions}`);
  }
  const users = new Map<string, Permissions>();
  const taken = new Set([SYSTEM]);
  const add = (user: string, permissions: Permissions): void => {
    if (!USER_FORM.test(user)) {
      throw new RangeError(`users must be 1 to 32 of a-z, 0-9 and - after a letter, got ${JSON.stringify(user)}`);
    }
    if (taken.has(user)) throw new RangeError(`users must differ, got ${user} twice`);
    taken.add(user);
    users.set(user, permissions);
  };
  const log = new LogSubjects(namespace, partitions);
  const bus = new BusSubjects(namespace, guests);
  for (const role of [...SERVICE_NAMES, 'node'] as const) {
    const table = ROLES[role];
    add(role, {
      publish: [...bus.published(role, table.calls, table.tells), ...log.published(table)],
      subscribe: [...bus.subscribed(role), inbox(role)],
    });
  }
  add(OPERATOR, { publish: log.publishedByOperator(), subscribe: [inbox(OPERATOR)] });
  for (const guest of guests) {
    add(guest, { publish: bus.published(guest, WITH_PUBLIC_ACTIONS, []), subscribe: bus.subscribed(guest) });
  }
  for (const sensor of sensors) {
    const [name = '', tenant = DEFAULT_TENANT, ...more] = sensor.split('/').reverse();
    if (!isTenantId(tenant) || more.length > 0) {
      throw new RangeError(`sensors must be named DEVICE or TENANT/DEVICE, got ${JSON.stringify(sensor)}`);
    }
    add(name, { publish: [`iot.${tenant}.${name}.telemetry`], subscribe: [] });
  }
  for (const edgeNode of edgeNodes) {
    const [group = '', node = '', ...more] = edgeNode.split('/');
    if (!GROUP_FORM.test(group) || more.length > 0) {
      throw new RangeError(`edge nodes must be named GROUP/NODE, got ${JSON.stringify(edgeNode)}`);
    }
    const of = (type: string): string => `spBv1//0.${group}.${type}.${node}`;
    add(node, {
      publish: ['NBIRTH', 'NDATA', 'NDEATH']
        .map(of)
        .concat(['DBIRTH', 'DDATA', 'DDEATH'].map((type) => `${of(type)}.*`)),
      subscribe: [of('NCMD'), `${of('DCMD')}.*`],
    });
  }
  return users;
}

function inbox(user: string): string {
  return `${inboxPrefixOf(user)}.>`;
}

/** Subjects of Moleculer's protocol, `MOL-<namespace>.<packet>[.<node>]`; the first token of a node's name is its user. */
class BusSubjects {
  readonly #prefix: string;
  readonly #guests: readonly string[];

  constructor(namespace: string, guests: readonly string[]) {
    this.#prefix = `MOL-${namespace}`;
    this.#guests = guests;
  }

  published(user: string, calls: readonly Role[], tells: readonly Listener[]): string[] {
    const callers = (Object.keys(ROLES) as Role[]).filter((role) => ROLES[role].calls.includes(user as Role));
    const answers = WITH_PUBLIC_ACTIONS.includes(user as Role) ? [...callers, ...this.#guests] : callers;
    const told = [...new Set(tells)].flatMap((who) => (who === 'guest' ? this.#guests : [who]));
    return [
      ...['DISCOVER', 'DISCOVER.*.*', 'INFO', 'INFO.*.*', 'HEARTBEAT', 'DISCONNECT'],
      ...calls.map((who) => `REQ.${who}.*`),
      ...answers.map((who) => `RES.${who}.*`),
      // Those that show the cluster to people measure how far its clocks are apart.
      ...(SHOWS_CLUSTER.includes(user) ? (Object.keys(ROLES) as Role[]).map((who) => `PING.${who}.*`) : []),
      ...(isRole(user) ? SHOWS_CLUSTER.map((who) => `PONG.${who}.*`) : []),
      ...told.map((who) => `EVENT.${who}.*`),
    ].map((subject) => `${this.#prefix}.${subject}`);
  }

  subscribed(user: string): string[] {
    return [
      ...['DISCOVER', 'INFO', 'HEARTBEAT', 'DISCONNECT', 'PING'],
      ...['DISCOVER', 'INFO', 'REQ', 'RES', 'EVENT', 'PING', 'PONG'].map((packet) => `${packet}.${user}.*`),
    ].map((subject) => `${this.#prefix}.${subject}`);
  }
}

/** Subjects of JetStream: requests to its API, and what is stored. A wildcard stands for whole words only, so each stream is named. */
class LogSubjects {
  readonly #namespace: string;
  readonly #partitions: number;

  constructor(namespace: string, partitions: number) {
    this.#namespace = namespace;
    this.#partitions = partitions;
  }

  published({ reads, writes, trims, leases, readsMqtt, blobs, storesModels }: RoleTable): string[] {
    const leaseStream = `KV_${this.#namespace}-leases`;
    const blobStream = `OBJ_${this.#namespace}-blobs`;
    const modelStream = `OBJ_${this.#namespace}-models`;
    const all = [...TOPICS.flatMap((topic) => this.#streams(topic)), leaseStream, blobStream, modelStream];
    const read = [...reads.flatMap((topic) => this.#streams(topic)), leaseStream, blobStream, modelStream];
    const purged = [
      ...trims.flatMap((topic) => this.#streams(topic)),
      ...(blobs === 'all' ? [blobStream] : []),
      ...(storesModels ? [modelStream] : []),
    ];
    return [
      '$JS.API.INFO',
      '$JS.API.STREAM.LIST',
      '$JS.API.STREAM.INFO.*',
      // Changes nothing once they are there; whoever comes first creates them.
      ...all.map((stream) => `$JS.API.STREAM.CREATE.${stream}`),
      ...read.flatMap((stream) => [
        `$JS.API.STREAM.MSG.GET.${stream}`,
        `$JS.API.CONSUMER.CREATE.${stream}.*`,
        `$JS.API.CONSUMER.MSG.NEXT.${stream}.*`,
        `$JS.API.CONSUMER.DELETE.${stream}.*`,
      ]),
      ...purged.map((stream) => `$JS.API.STREAM.PURGE.${stream}`),
      ...writes.map((topic) => `${this.#namespace}.${topic}.*`),
      ...leases.map((stage) => `$KV.${this.#namespace}-leases.${stage}.*`),
      ...(readsMqtt === true ? this.#readingMqtt() : []),
      `$O.${this.#namespace}-blobs.C.*`,
      `$O.${this.#namespace}-blobs.M.${blobs === 'all' ? '*' : blobWord(PARTITIONS_BLOB)}`,
      ...(storesModels ? [`$O.${this.#namespace}-models.C.*`, `$O.${this.#namespace}-models.M.*`] : []),
    ];
  }

  #readingMqtt(): string[] {
    const consumer = mqttStream(this.#namespace);
    return [
      `$KV.${this.#namespace}-leases.mqtt.*`,
      ...[SERVER_STREAM, consumer].flatMap((stream) => [
        `$JS.API.STREAM.CREATE.${stream}`,
        `$JS.API.CONSUMER.CREATE.${stream}.${consumer}.>`,
        `$JS.API.CONSUMER.CREATE.${stream}.${consumer}`,
        `$JS.API.CONSUMER.DURABLE.CREATE.${stream}.${consumer}`,
        `$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`,
        `$JS.ACK.${stream}.${consumer}.>`,
      ]),
      // Asks edge nodes of Sparkplug for their birth.
      'spBv1//0.*.NCMD.*',
    ];
  }

  publishedByOperator(): string[] {
    return [
      '$JS.API.>',
      '$JS.SNAPSHOT.>',
      `${this.#namespace}.>`,
      `$KV.${this.#namespace}-leases.>`,
      `$O.${this.#namespace}-blobs.>`,
      `$O.${this.#namespace}-models.>`,
    ];
  }

  #streams(topic: Topic): string[] {
    const count = partitionsOf(topic, this.#partitions);
    return Array.from({ length: count }, (_, partition) => `${this.#namespace}-${topic}-${partition}`);
  }
}

function isRole(user: string): user is Role {
  return Object.hasOwn(ROLES, user);
}

/** As the object store writes names in its subjects. */
function blobWord(name: string): string {
  return Buffer.from(name).toString('base64').replaceAll('+', '-').replaceAll('/', '_');
}

function userBlock(user: string, password: string, { publish, subscribe }: Permissions): string {
  const list = (subjects: readonly string[]): string =>
    subjects.map((subject) => `\n            "${subject}"`).join('');
  const heard = subscribe.length === 0 ? 'deny: [">"]' : `allow: [${list(subscribe)}\n          ]`;
  return [
    '      {',
    `        user: ${user}`,
    `        password: ${password}`,
    '        permissions {',
    `          publish { allow: [${list(publish)}\n          ] }`,
    `          subscribe { ${heard} }`,
    '        }',
    '      }',
  ].join('\n');
}

/**
 * What may be said on the command line: who is there beside the services, how the log is laid out; and for make-secrets.ts a file to keep.
 * @throws TypeError
 */
export function permissionArguments(args: readonly string[]): {
  readonly options: PermissionOptions;
  readonly keep: string | undefined;
} {
  const { values } = parseArgs({
    args: [...args],
    options: {
      namespace: { type: 'string' },
      partitions: { type: 'string' },
      guest: { type: 'string', multiple: true },
      sensor: { type: 'string', multiple: true },
      'edge-node': { type: 'string', multiple: true },
      keep: { type: 'string' },
    },
  });
  const { namespace, partitions, guest: guests, sensor: sensors, 'edge-node': edgeNodes, keep } = values;
  const options = {
    ...(namespace !== undefined && { namespace }),
    ...(partitions !== undefined && { partitions: Number(partitions) }),
    ...(guests !== undefined && { guests }),
    ...(sensors !== undefined && { sensors }),
    ...(edgeNodes !== undefined && { edgeNodes }),
  };
  return { options, keep };
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  process.stdout.write(natsPermissions(permissionArguments(process.argv.slice(2)).options));
}
