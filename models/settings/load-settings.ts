/** From flags, environment and file to `Settings`: reads, converts, checks across fields, reports all faults together. */
import { SettingInvalidError } from '../errors.js';
import { completeProfile } from '../profiles/profile.js';
import type { Settings } from './settings.js';
import { FIELDS, type Field } from './fields.js';
import { readSettingsFile, SECTIONS, type FileValues } from './file.js';
import { suggestion } from './nearest-name.js';

export interface SettingsInput {
  /** The environment, for example `process.env`. Only our own names are read; an empty value is none. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The configuration file, if there is one. `path` is for messages. */
  readonly file?: { readonly path: string; readonly text: string };
  /** From the command line: environment name → text. Wins over both. */
  readonly flags?: Readonly<Record<string, string | undefined>>;
  /** What a command wants where nothing says otherwise, as `flags`. Weaker than the file. */
  readonly defaults?: Readonly<Record<string, string>>;
  /** Processor cores, the default of `MAX_WORKERS`. Default 1. */
  readonly cores?: number;
}

/** Names that other parts read: where the file is, and the command line's server and key. */
export const OTHER_ENVIRONMENT_NAMES = ['CONFIG_FILE', 'REDSHANK_URL', 'REDSHANK_API_KEY'] as const;

const OWN_PREFIX = 'REDSHANK_';

/**
 * Flags win over the environment, the environment over the file, the file over the defaults.
 *
 * @returns frozen settings.
 * @throws SettingInvalidError with every problem of every source.
 */
export function loadSettings(input: SettingsInput): Settings {
  const file: FileValues =
    input.file === undefined
      ? { values: new Map(), profiles: [], problems: [] }
      : readSettingsFile(input.file.path, input.file.text);
  const fileName = input.file?.path ?? '';
  const problems = [...file.problems];
  const bad = new Set<string>();
  const settings: Record<string, unknown> = {};

  for (const field of FIELDS) {
    const written = findWritten(field, input, file, fileName, problems);
    if (written === undefined) {
      settings[field.key] = field.fallback({ settings: settings, cores: input.cores ?? 1 });
      continue;
    }
    const value = field.reader.read(written.raw);
    if (value === undefined) {
      bad.add(field.key);
      problems.push(
        `${written.name} must be ${field.reader.expects}, got ${shownOf(field, written.raw)}${field.reader.hint?.(written.raw) ?? ''}`,
      );
    } else {
      settings[field.key] = field.scale === undefined ? value : (value as number) * field.scale;
    }
  }

  problems.push(...unknownNames(input, file, fileName));
  const profiles = file.profiles.flatMap(([name, partial]) => {
    try {
      return [{ name, definition: completeProfile(name, partial) }];
    } catch (error) {
      if (!(error instanceof SettingInvalidError)) throw error;
      problems.push(...error.problems.map((problem) => `${fileName}: ${problem}`));
      return [];
    }
  });
  const complete = { ...settings, profiles } as unknown as Settings;
  for (const { keys, problem } of crossChecks(complete)) if (!keys.some((key) => bad.has(key))) problems.push(problem);
  if (problems.length > 0) throw new SettingInvalidError(problems);
  return deepFreeze(complete);
}

function findWritten(
  field: Field,
  input: SettingsInput,
  file: FileValues,
  fileName: string,
  problems: string[],
): { name: string; raw: unknown } | undefined {
  const inFile = field.file.filter((name) => file.values.has(name));
  if (inFile.length > 1) problems.push(`${fileName}: ${inFile.join(' and ')} say the same, keep one of them`);
  if (field.env !== undefined) {
    for (const source of [input.flags, input.env]) {
      const raw = source?.[field.env];
      if (raw !== undefined && raw.trim() !== '') return { name: field.env, raw };
    }
  }
  const name = inFile[0];
  if (name !== undefined) return { name: `${fileName}: ${name}`, raw: file.values.get(name) };
  const wanted = field.env === undefined ? undefined : input.defaults?.[field.env];
  return wanted === undefined ? undefined : { name: field.env!, raw: wanted };
}

function unknownNames(input: SettingsInput, file: FileValues, fileName: string): string[] {
  const problems: string[] = [];
  const known = FIELDS.flatMap((field) => field.file);
  for (const name of file.values.keys()) {
    if (known.includes(name)) continue;
    const candidates = name.includes('.') ? known : [...known, ...SECTIONS, 'profiles'];
    problems.push(`${fileName}: ${shown(name)} is not a setting${suggestion(name, candidates)}`);
  }
  const others: readonly string[] = OTHER_ENVIRONMENT_NAMES;
  for (const name of Object.keys(input.env)) {
    if (!name.startsWith(OWN_PREFIX) || others.includes(name)) continue;
    const names = [...others, ...FIELDS.flatMap((field) => field.env ?? [])];
    const bare = name.slice(OWN_PREFIX.length);
    const meant = names.includes(bare) ? `, did you mean "${bare}"?` : suggestion(name, names);
    problems.push(`${shown(name)} in the environment is not a setting${meant}`);
  }
  return problems;
}

interface CrossCheck {
  readonly keys: readonly (keyof Settings)[];
  readonly problem: string;
}

function crossChecks(settings: Settings): readonly CrossCheck[] {
  const found: CrossCheck[] = [];
  const check = (holds: boolean, keys: CrossCheck['keys'], problem: string): void => {
    if (!holds) found.push({ keys, problem });
  };
  const { natsUrl, redisUrl } = settings;
  check(
    natsUrl === undefined || redisUrl !== undefined,
    ['natsUrl', 'redisUrl'],
    'NATS_URL is set without REDIS_URL: a cluster needs both, embedded mode needs neither',
  );
  check(
    redisUrl === undefined || natsUrl !== undefined,
    ['natsUrl', 'redisUrl'],
    'REDIS_URL is set without NATS_URL: a cluster needs both, embedded mode needs neither',
  );
  check(
    !settings.mqtt || natsUrl !== undefined,
    ['mqtt', 'natsUrl'],
    'MQTT is on without NATS_URL: MQTT clients connect to nats-server, which embedded mode does not have',
  );
  const { redisMode, redisSentinelMaster, redisTlsCa } = settings;
  check(
    redisMode !== 'cluster' || redisSentinelMaster === undefined,
    ['redisMode', 'redisSentinelMaster'],
    'REDIS_SENTINEL_MASTER is set with REDIS_MODE=cluster: a Redis Cluster looks after its masters itself',
  );
  check(
    redisUrl === undefined || !redisUrl.includes(',') || redisMode === 'cluster' || redisSentinelMaster !== undefined,
    ['redisUrl', 'redisMode', 'redisSentinelMaster'],
    'REDIS_URL has several URLs: set REDIS_MODE=cluster, or REDIS_SENTINEL_MASTER when they are Sentinels',
  );
  check(
    redisTlsCa === undefined || redisUrl === undefined || redisUrl.startsWith('rediss:'),
    ['redisUrl', 'redisTlsCa'],
    'REDIS_TLS_CA is set, but REDIS_URL does not start with rediss://',
  );
  check(
    settings.natsCreds === undefined || settings.natsNkeySeed === undefined,
    ['natsCreds', 'natsNkeySeed'],
    'NATS_CREDS and NATS_NKEY_SEED are both set: keep one of them',
  );
  check(
    (settings.natsTlsCert === undefined) === (settings.natsTlsKey === undefined),
    ['natsTlsCert', 'natsTlsKey'],
    'NATS_TLS_CERT and NATS_TLS_KEY go together: set both or neither',
  );
  check(
    settings.auth === 'on' || isLoopback(settings.host),
    ['auth', 'host'],
    `AUTH=off needs HOST to be a loopback address such as 127.0.0.1, got ${shown(settings.host)}`,
  );
  check(
    (settings.tlsCert === undefined) === (settings.tlsKey === undefined),
    ['tlsCert', 'tlsKey'],
    'TLS_CERT and TLS_KEY go together: set both or neither',
  );
  const { jwtSecret, jwtJwksUrl, jwtIssuer, jwtAudience } = settings;
  check(
    jwtSecret === undefined || jwtJwksUrl === undefined,
    ['jwtSecret', 'jwtJwksUrl'],
    'JWT_SECRET and JWT_JWKS_URL are both set: keep one of them, since a public key must never serve as a secret',
  );
  check(
    jwtJwksUrl === undefined || (jwtIssuer !== undefined && jwtAudience !== undefined),
    ['jwtJwksUrl', 'jwtIssuer', 'jwtAudience'],
    'JWT_JWKS_URL needs JWT_ISSUER and JWT_AUDIENCE: its issuer signs tokens for other services too',
  );
  check(
    jwtJwksUrl === undefined || jwtJwksUrl.startsWith('https:') || isLoopback(hostOf(jwtJwksUrl)),
    ['jwtJwksUrl'],
    'JWT_JWKS_URL must begin with https://: whoever can change its answer can be anybody',
  );
  check(
    settings.metricsPort === 0 || settings.metricsPort !== settings.port,
    ['metricsPort', 'port'],
    `METRICS_PORT must differ from PORT, got ${settings.port} for both`,
  );
  check(
    settings.maxInflatedBytes >= settings.maxBodyBytes,
    ['maxInflatedBytes', 'maxBodyBytes'],
    `max_inflated_bytes must be >= max_body_bytes (${settings.maxBodyBytes}), got ${settings.maxInflatedBytes}`,
  );
  return found;
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).hostname : '';
}

/** Whether only this machine can reach `host`. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

/** A value for a message: cut, quoted, without the password of a URL. */
function shown(raw: unknown): string {
  const text = JSON.stringify(typeof raw === 'string' ? redactUrl(raw) : raw);
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}

/** Of a secret no more than why it will not do. */
function shownOf(field: Field, raw: unknown): string {
  if (field.isSecret !== true) return shown(raw);
  return typeof raw === 'string' ? `${raw.length}` : `a ${typeof raw}`;
}

/**
 * `nats://user:secret@host` → `nats://***@host`, of each URL in a text or list. Up to the last `@`: a password that nobody encoded, with
 * `/`, `,` or `@` in it, is a mistake, and its message must not show it.
 */
export function redactUrl(text: string): string {
  const urls = text.split(/,(?=\s*[a-z][a-z0-9+.-]*:\/\/)/i);
  return urls.map((url) => url.replace(/:\/\/\S*@/g, '://***@')).join(',');
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) deepFreeze(inner);
  }
  return value;
}
