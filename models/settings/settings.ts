/** Everything an operator can set, in one frozen object. `loadSettings` is the only reader of the environment. */
import type { ProfileDefinition } from '../profiles/profile.js';

export const SERVICE_NAMES = ['gateway', 'ingest', 'window', 'scorer', 'alerting', 'model-registry'] as const;
export type ServiceName = (typeof SERVICE_NAMES)[number];

export interface Settings {
  /** `development` prints pretty logs. `ENVIRONMENT`, default `production`. */
  readonly environment: 'development' | 'production';
  readonly logLevel: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';
  /** Address and port of the gateway. Port 0 takes a free one. */
  readonly host: string;
  readonly port: number;
  /** Prometheus metrics of this process on `host`; 0 switches the extra port off. */
  readonly metricsPort: number;
  readonly dataDir: string;
  readonly natsUrl: string | undefined;
  /** Paths of the credentials file (JWT and seed) or of the file with the nkey seed with which NATS lets this process in. */
  readonly natsCreds: string | undefined;
  readonly natsNkeySeed: string | undefined;
  /** Paths of PEM files for TLS to NATS: who signs the servers, and what this process shows of itself. */
  readonly natsTlsCa: string | undefined;
  readonly natsTlsCert: string | undefined;
  readonly natsTlsKey: string | undefined;
  /** Servers that hold each stream: 1, 3 or 5. Undefined: as the cluster allows, 3 at most. */
  readonly natsReplicas: number | undefined;
  /** Begins the names of all streams, buckets and subjects of this cluster, and of its Moleculer namespace. */
  readonly namespace: string;
  /** Whether `ingest` takes what MQTT clients of nats-server publish. */
  readonly mqtt: boolean;
  readonly redisUrl: string | undefined;
  /** `cluster`: the URLs are nodes of a Redis Cluster. */
  readonly redisMode: 'single' | 'cluster';
  /** Set: the URLs are Sentinels that watch a master of this name. */
  readonly redisSentinelMaster: string | undefined;
  /** PEM file of the authority of `rediss://`. */
  readonly redisTlsCa: string | undefined;
  /** At least 32 characters, the same for all processes; undefined: the one in the log. Never printed. */
  readonly clusterSecret: string | undefined;
  readonly services: readonly ServiceName[];
  readonly modelPath: string;
  readonly modelCopies: boolean;
  readonly maxWorkers: number;
  readonly tfjsBackend: 'auto' | 'node' | 'wasm' | 'cpu';
  readonly enableQuantum: boolean;
  /** Requests a minute a key on the control routes. */
  readonly apiRateLimit: number;
  readonly auth: 'on' | 'off';
  /** Tokens of other issuers, verified with a secret or with the keys at a URL; undefined: none are taken. */
  readonly jwtSecret: string | undefined;
  readonly jwtJwksUrl: string | undefined;
  readonly jwtIssuer: string | undefined;
  readonly jwtAudience: string | undefined;
  /** PEM files of the gateway's certificate and its key; undefined: plain HTTP. */
  readonly tlsCert: string | undefined;
  readonly tlsKey: string | undefined;
  /** Proxies in front of the gateway that append to `X-Forwarded-For`. */
  readonly trustedProxies: number;
  /** Web origins whose pages may ask; empty: none. */
  readonly corsOrigins: readonly string[];
  /** Readings a second a key may send, on the average of a few seconds; 0: no limit. */
  readonly readingsPerSecond: number;
  readonly tenantReadingsPerSecond: number;
  /** Labels of other systems: which name the device, and which say nothing of what is measured. */
  readonly deviceLabels: readonly string[] | undefined;
  readonly ignoredLabels: readonly string[] | undefined;
  /** How long the audit log is kept, in days. */
  readonly auditDays: number;
  /** Partitions of every topic; fixed when the log is created. Default 8 embedded, 32 in a cluster. */
  readonly partitions: number;
  /** Chunks that may wait in one partition before the door answers 503. `performance.max_queue_size`. */
  readonly maxQueueSize: number;
  /** Whether an autoscaler may add and take away members of the cluster. `performance.auto_scaling`. */
  readonly autoScaling: boolean;
  /** Longest time an HTTP request may take, in ms. `api.timeout`, in seconds there. */
  readonly requestTimeoutMs: number;
  /** Rows that `/predict` takes as context by default. `detection.window_size`. */
  readonly windowSize: number;
  /** Most rows that one `/predict` answers at once; more become a job. `detection.batch_size`. */
  readonly batchSize: number;
  readonly cacheEnabled: boolean;
  readonly cacheTtlSec: number;
  /** How long jobs are kept. `detection.job_ttl`. */
  readonly jobTtlSec: number;
  readonly metricsEnabled: boolean;
  readonly rateLimiting: boolean;
  /** Base URL of an OTLP/HTTP collector; undefined: nothing is traced. */
  readonly otlpEndpoint: string | undefined;
  /** Share of requests that begin a trace, in [0, 1]. */
  readonly traceRatio: number;
  /** Score history kept on the read side, in days. */
  readonly historyDays: number;
  /** Rows of each device that Redis keeps. */
  readonly recentScores: number;
  /** Most bytes of scores kept in the log, a partition. */
  readonly scoreLogBytes: number;
  /** Largest body, before and after inflation, in bytes. */
  /** Requests that one gateway answers at once. */
  readonly maxRunningRequests: number;
  readonly maxBodyBytes: number;
  readonly maxInflatedBytes: number;
  /** Profiles from the configuration file; `standard` is always there. */
  readonly profiles: readonly { readonly name: string; readonly definition: ProfileDefinition }[];
}
