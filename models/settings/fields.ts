/** The table of all settings: one row a field. `loadSettings` and `docs/configuration.md` are made from it. */
import { SERVICE_NAMES, type Settings } from './settings.js';
import { MAX_PREDICT_ROWS, MAX_PREDICT_WINDOW, MIN_PREDICT_WINDOW } from './predict-limits.js';
import {
  boolean,
  decimal,
  host,
  integer,
  matching,
  name,
  oneOf,
  oneOfNumbers,
  onOrOff,
  path,
  secret,
  someOf,
  urls,
  type Reader,
} from './readers.js';

/** What defaults may depend on: fields further up in the table, and the machine. */
export interface DefaultsContext {
  readonly settings: Partial<Settings>;
  /** Processor cores that this process may use. */
  readonly cores: number;
}

export interface Field<K extends SimpleKey = SimpleKey> {
  readonly key: K;
  /** Name in the environment, if it has one. */
  readonly env?: string;
  /** Names in the file, `section.key` or `key`; the first is the one to use. */
  readonly file: readonly string[];
  readonly reader: Reader<NonNullable<Settings[K]>>;
  readonly fallback: (context: DefaultsContext) => Settings[K];
  /** The default in words, where it is not a fixed value. */
  readonly fallbackWords?: string;
  /** From the unit of the written value to the unit in `Settings`. */
  readonly scale?: number;
  /** What it is, with its unit. */
  readonly meaning: string;
  /** Why the default is what it is. */
  readonly reason: string;
  /** True: no message shows the value. */
  readonly isSecret?: true;
  /** True: checked and kept, but nothing in this release reads it. */
  readonly hasNoEffect?: true;
}

/** All of `Settings` but the profiles, which have a schema of their own. */
export type SimpleKey = Exclude<keyof Settings, 'profiles'>;

const field = <K extends SimpleKey>(row: Field<K>): Field => row;
const always =
  <const T>(value: T) =>
  (): T =>
    value;

export const FIELDS: readonly Field[] = [
  field({
    key: 'environment',
    env: 'ENVIRONMENT',
    file: ['environment'],
    reader: oneOf(['development', 'production']),
    fallback: always('production'),
    meaning: '`development` prints logs for people, `production` one JSON object a line.',
    reason: 'Log collectors read JSON; a person at a terminal asks for the other.',
  }),
  field({
    key: 'logLevel',
    env: 'LOG_LEVEL',
    file: ['log_level'],
    reader: oneOf(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']),
    fallback: always('info'),
    meaning: 'Least level that is logged, in any case.',
    reason: 'Starts, stops and faults, but nothing a reading.',
  }),
  field({
    key: 'host',
    env: 'HOST',
    file: ['api.host', 'host'],
    reader: host,
    fallback: always('127.0.0.1'),
    meaning: 'Address on which the gateway and the metrics listen.',
    reason: 'Nobody else can reach a service that nobody has secured yet. `0.0.0.0` opens it to the network.',
  }),
  field({
    key: 'port',
    env: 'PORT',
    file: ['api.port', 'port'],
    reader: integer(0, 65_535),
    fallback: always(8080),
    meaning: 'Port of the gateway. 0 takes a free one.',
    reason: 'The usual port for HTTP without root.',
  }),
  field({
    key: 'metricsPort',
    env: 'METRICS_PORT',
    file: ['metrics_port'],
    reader: integer(0, 65_535),
    fallback: always(9090),
    meaning: 'Port on which this process answers `/metrics`, `/health` and `/ready`, without a key. 0: none.',
    reason:
      'Metrics and probes stay inside while the gateway is open to others. Processes of one machine need one each.',
  }),
  field({
    key: 'dataDir',
    env: 'DATA_DIR',
    file: ['data_dir'],
    reader: path,
    fallback: always('./data'),
    meaning: 'Folder of the embedded journal, snapshots and read side. One process a folder.',
    reason: 'Beside what was started, so that a trial leaves nothing elsewhere.',
  }),
  field({
    key: 'natsUrl',
    env: 'NATS_URL',
    file: ['nats_url'],
    reader: urls('nats', 'tls'),
    fallback: always(undefined),
    fallbackWords: 'none',
    meaning: 'NATS servers of the cluster, several divided by commas. Set: this process is a member of the cluster.',
    reason: 'Without it everything runs embedded in one process, and nothing else needs to be installed.',
  }),
  field({
    key: 'natsCreds',
    env: 'NATS_CREDS',
    file: ['nats_creds'],
    reader: path,
    fallback: always(undefined),
    fallbackWords: 'none',
    meaning: 'File with the credentials (JWT and seed) of this process at NATS. Read again at every connection.',
    reason: 'A file can be mounted and rotated; a secret in the environment is seen by every child process.',
  }),
  field({
    key: 'natsNkeySeed',
    env: 'NATS_NKEY_SEED',
    file: ['nats_nkey_seed'],
    reader: path,
    fallback: always(undefined),
    fallbackWords: 'none',
    meaning: 'File with the nkey seed of this process at NATS, instead of credentials.',
    reason: 'The server knows the public key alone: nothing secret stands in its configuration.',
  }),
  field({
    key: 'natsTlsCa',
    env: 'NATS_TLS_CA',
    file: ['nats_tls_ca'],
    reader: path,
    fallback: always(undefined),
    fallbackWords: 'those that Node trusts',
    meaning: 'PEM file with the authorities that sign the certificates of the NATS servers. Set: only TLS is spoken.',
    reason: 'Clusters sign their own certificates more often than not.',
  }),
  field({
    key: 'natsTlsCert',
    env: 'NATS_TLS_CERT',
    file: ['nats_tls_cert'],
    reader: path,
    fallback: always(undefined),
    fallbackWords: 'none',
    meaning: 'PEM file with the certificate that this process shows to NATS.',
    reason: 'Goes together with `NATS_TLS_KEY`, where the servers verify their clients.',
  }),
  field({
    key: 'natsTlsKey',
    env: 'NATS_TLS_KEY',
    file: ['nats_tls_key'],
    reader: path,
    fallback: always(undefined),
    fallbackWords: 'none',
    meaning: 'PEM file with the private key of that certificate.',
    reason: 'Goes together with `NATS_TLS_CERT`.',
  }),
  field({
    key: 'namespace',
    env: 'NAMESPACE',
    file: ['namespace'],
    reader: matching(/^[a-z0-9-]{1,32}$/, '1 to 32 of a-z, 0-9 and -'),
    fallback: always('redshank'),
    meaning: 'Begins the names of all streams, buckets and subjects of this cluster.',
    reason: 'Several clusters can share the same NATS servers.',
  }),
  field({
    key: 'redisUrl',
    env: 'REDIS_URL',
    file: ['redis_url'],
    reader: urls('redis', 'rediss'),
    fallback: always(undefined),
    fallbackWords: 'none',
    meaning: 'Redis server of the cluster: its read side.',
    reason: 'Goes together with `NATS_URL`.',
  }),
  field({
    key: 'redisMode',
    env: 'REDIS_MODE',
    file: ['redis_mode'],
    reader: oneOf(['single', 'cluster']),
    fallback: always('single'),
    meaning:
      '`cluster`: the URLs in `REDIS_URL` are nodes of a Redis Cluster, of which one has to answer; user and password of the first hold for all.',
    reason: 'One Redis with a replica carries a large fleet.',
  }),
  field({
    key: 'redisSentinelMaster',
    env: 'REDIS_SENTINEL_MASTER',
    file: ['redis_sentinel_master'],
    reader: name,
    fallback: always(undefined),
    fallbackWords: 'none',
    meaning:
      'Set: the URLs in `REDIS_URL` are Sentinels, and this is the name under which they watch the master. User, password and database in the first URL are those of the master.',
    reason: 'Without Sentinels there is nobody to ask.',
  }),
  field({
    key: 'redisTlsCa',
    env: 'REDIS_TLS_CA',
    file: ['redis_tls_ca'],
    reader: path,
    fallback: always(undefined),
    fallbackWords: 'the authorities that Node trusts',
    meaning: 'PEM file of the authority that signed the certificate of Redis, for `rediss://`.',
    reason: 'A Redis of a public service needs none, one of your own its own.',
  }),
  field({
    key: 'clusterSecret',
    env: 'CLUSTER_SECRET',
    file: ['security.cluster_secret', 'cluster_secret'],
    reader: secret(32),
    fallback: always(undefined),
    fallbackWords: 'one that the first process makes and keeps in the log',
    isSecret: true,
    meaning: 'With it the processes of a cluster know each other: all have the same. It is never printed.',
    reason: 'Whoever may read the log may do everything anyhow. Set it where the log is read by others.',
  }),
  field({
    key: 'services',
    env: 'SERVICES',
    file: ['services'],
    reader: someOf(SERVICE_NAMES),
    fallback: always(SERVICE_NAMES),
    fallbackWords: 'all',
    meaning: 'Which services this process runs. Embedded it must be all of them.',
    reason: 'One process is enough until it is not.',
  }),
  field({
    key: 'modelPath',
    env: 'MODEL_PATH',
    file: ['model_path'],
    reader: path,
    fallback: ({ settings }) => `${settings.dataDir ?? './data'}/models`,
    fallbackWords: '`$DATA_DIR/models`',
    meaning: 'Folder into which `redshank train` writes models.',
    reason: 'Beside the data that made them.',
  }),
  field({
    key: 'maxWorkers',
    env: 'MAX_WORKERS',
    file: ['api.workers', 'max_workers'],
    reader: integer(1, 256),
    fallback: ({ cores }) => Math.min(256, Math.max(1, cores)),
    fallbackWords: 'processor cores',
    meaning: 'Trainings that a process with `model-registry` runs at once, each in a thread of its own.',
    reason: 'More threads than cores only take turns.',
  }),
  field({
    key: 'tfjsBackend',
    env: 'TFJS_BACKEND',
    file: ['tfjs_backend'],
    reader: oneOf(['auto', 'node', 'wasm', 'cpu']),
    fallback: always('auto'),
    meaning: 'Backend of TensorFlow.js for training. `auto` takes the fastest that loads: node, wasm, cpu.',
    reason: 'The native backend does not load everywhere. It trains; devices are scored without it.',
  }),
  field({
    key: 'enableQuantum',
    env: 'ENABLE_QUANTUM',
    file: ['detection.enable_quantum', 'enable_quantum'],
    reader: boolean,
    fallback: always(false),
    meaning: 'Whether profiles and predictions may name the detector `quantum-kernel`, a simulation on this computer.',
    reason: 'An experiment: the other detectors find more.',
  }),
  field({
    key: 'apiRateLimit',
    env: 'API_RATE_LIMIT',
    file: ['security.max_requests_per_minute', 'api_rate_limit'],
    reader: integer(1, 1_000_000),
    fallback: always(1_000),
    meaning: 'Requests a minute a key on the control routes. Readings do not count.',
    reason: 'Far above what a dashboard asks, far below what hurts.',
  }),
  field({
    key: 'auth',
    env: 'AUTH',
    file: ['security.enable_authentication', 'auth'],
    reader: onOrOff,
    fallback: always('on'),
    meaning: 'Whether requests need a key. `off` only while `HOST` is a loopback address.',
    reason: 'Open services are found within minutes. The first start makes an admin key and prints it once.',
  }),
  field({
    key: 'partitions',
    file: ['partitions'],
    reader: integer(1, 1_024),
    fallback: ({ settings }) => (settings.natsUrl === undefined ? 8 : 32),
    fallbackWords: '8 embedded, 32 in a cluster',
    meaning: 'Partitions of every topic. Fixed when the log is created.',
    reason: 'Enough to spread over the owners that one may want one day; each costs a little memory and a snapshot.',
  }),
  field({
    key: 'natsReplicas',
    file: ['nats_replicas'],
    reader: oneOfNumbers([1, 3, 5]),
    fallback: always(undefined),
    fallbackWords: '3 where at least three NATS servers form a cluster, else 1',
    meaning: 'NATS servers that hold each stream. Taken when a stream is created, then compared.',
    reason: 'Three survive the loss of one; five cost more than most logs are worth.',
  }),
  field({
    key: 'maxQueueSize',
    file: ['performance.max_queue_size'],
    reader: integer(1, 1_000_000),
    fallback: always(1_000),
    meaning: 'Chunks that may wait in one partition before the door answers 503.',
    reason: 'Seconds of work: a longer queue only makes every answer late.',
  }),
  field({
    key: 'autoScaling',
    file: ['performance.auto_scaling'],
    reader: boolean,
    fallback: always(false),
    meaning: 'Whether an autoscaler may add and take away members of the cluster.',
    reason: 'Nothing here starts processes: that is for whoever runs the cluster.',
    hasNoEffect: true,
  }),
  field({
    key: 'requestTimeoutMs',
    file: ['api.timeout'],
    reader: decimal(0.1, 3_600),
    fallback: always(30_000),
    fallbackWords: '`30`',
    scale: 1_000,
    meaning: 'Longest time that an HTTP request may take, in seconds.',
    reason: 'Nothing waits for ever; a batch that takes longer is too large.',
  }),
  field({
    key: 'windowSize',
    file: ['detection.window_size'],
    reader: integer(MIN_PREDICT_WINDOW, MAX_PREDICT_WINDOW),
    fallback: always(30),
    meaning: 'Rows of context that `/predict` takes when the request does not say.',
    reason: 'The smallest window in which a mean and a spread mean something.',
  }),
  field({
    key: 'batchSize',
    file: ['detection.batch_size'],
    reader: integer(1, MAX_PREDICT_ROWS),
    fallback: always(10_000),
    meaning: 'Most rows that one `/predict` answers at once.',
    reason: 'Well under a second of work, so that one caller does not make the others wait.',
  }),
  field({
    key: 'cacheEnabled',
    file: ['detection.enable_caching'],
    reader: boolean,
    fallback: always(true),
    meaning: 'Whether answers of `/predict` are kept for equal requests.',
    reason: 'Dashboards ask the same again and again.',
    hasNoEffect: true,
  }),
  field({
    key: 'cacheTtlSec',
    file: ['detection.cache_ttl'],
    reader: integer(1, 31_536_000),
    fallback: always(300),
    meaning: 'How long such an answer is kept, in seconds.',
    reason: 'Long enough for a page that reloads, short enough to forget.',
    hasNoEffect: true,
  }),
  field({
    key: 'metricsEnabled',
    file: ['performance.metrics_enabled'],
    reader: boolean,
    fallback: always(true),
    meaning: 'Whether metrics are served at all.',
    reason: 'What is not measured fails unseen.',
  }),
  field({
    key: 'otlpEndpoint',
    env: 'OTEL_EXPORTER_OTLP_ENDPOINT',
    file: ['otlp_endpoint'],
    reader: urls('http', 'https'),
    fallback: always(undefined),
    fallbackWords: 'none: nothing is traced',
    meaning: 'Base URL of an OpenTelemetry collector (OTLP over HTTP, JSON), to which traces are sent.',
    reason: 'The name that OpenTelemetry gives it everywhere.',
  }),
  field({
    key: 'traceRatio',
    file: ['trace_ratio'],
    reader: decimal(0, 1),
    fallback: always(0.01),
    meaning:
      'Share of requests that begin a trace. Requests that carry a recorded `traceparent` are traced in any case.',
    reason: 'One in a hundred shows where time goes, and is not felt.',
  }),
  field({
    key: 'rateLimiting',
    file: ['security.rate_limiting'],
    reader: boolean,
    fallback: always(true),
    meaning: 'Whether `API_RATE_LIMIT` is enforced.',
    reason: 'One client with a loop should not take the service from the others.',
  }),
  field({
    key: 'historyDays',
    file: ['history_days'],
    reader: decimal(0.01, 36_500),
    fallback: always(30),
    meaning:
      'Score history and resolved alerts kept for looking at, in days from their arrival, whatever their timestamps say.',
    reason: 'A month shows weekly patterns four times.',
  }),
  field({
    key: 'recentScores',
    file: ['recent_scores'],
    reader: integer(16, 10_000),
    fallback: always(256),
    meaning:
      'In a cluster: latest rows of each device that Redis keeps, up to a quarter more; some 160 bytes each with three channels. Older ones are read from the log.',
    reason: 'What a page shows at first, in 50 KB a device.',
  }),
  field({
    key: 'scoreLogBytes',
    file: ['score_log_bytes'],
    reader: integer(1_048_576, 1_099_511_627_776),
    fallback: always(256 * 1_048_576),
    meaning:
      'In a cluster: most bytes of score history in the log, for each partition. Less is kept where `history_days` says so, more where somebody has yet to read it.',
    reason: '8 GiB with 32 partitions: some 50 million rows.',
  }),
  field({
    key: 'maxBodyBytes',
    file: ['max_body_bytes'],
    reader: integer(1_024, 1_073_741_824),
    fallback: always(16 * 1_048_576),
    meaning: 'Largest body of a request as it arrives, in bytes.',
    reason: '16 MiB hold some 100,000 readings; larger batches gain nothing.',
  }),
  field({
    key: 'maxInflatedBytes',
    file: ['max_inflated_bytes'],
    reader: integer(1_024, 2_147_483_647),
    fallback: always(64 * 1_048_576),
    meaning: 'Largest body of a request after inflation, in bytes.',
    reason: 'Four times the body: honest gzip fits, a gzip bomb does not.',
  }),
];
