import assert from 'node:assert/strict';
import { SettingInvalidError } from '../../../../models/errors.js';
import { loadSettings, type SettingsInput } from '../../../../models/settings.js';

function problemsOf(input: Partial<SettingsInput>): readonly string[] {
  try {
    loadSettings({ env: {}, ...input });
  } catch (error) {
    assert.ok(error instanceof SettingInvalidError);
    return error.problems;
  }
  return [];
}

const file = (text: string) => ({ path: 'redshank.yaml', text });

describe('loadSettings', () => {
  it('needs nothing', () => {
    const settings = loadSettings({ env: {}, cores: 3 });
    assert.equal(settings.host, '127.0.0.1');
    assert.equal(settings.port, 8080);
    assert.equal(settings.metricsPort, 9090);
    assert.equal(settings.modelPath, './data/models');
    assert.equal(settings.maxWorkers, 3);
    assert.equal(settings.auth, 'on');
    assert.equal(settings.partitions, 8);
    assert.equal(settings.requestTimeoutMs, 30_000);
    assert.deepEqual(settings.profiles, []);
    assert.equal(settings.services.length, 6);
  });

  it('never shows a secret', () => {
    const [problem] = problemsOf({ env: { CLUSTER_SECRET: 'short and secret' } });
    assert.equal(problem, 'CLUSTER_SECRET must be at least 32 characters, got 16');
    assert.equal(loadSettings({ env: { CLUSTER_SECRET: 'x'.repeat(32) } }).clusterSecret, 'x'.repeat(32));
  });

  it('is frozen to the bottom', () => {
    const settings = loadSettings({ env: {}, file: file('profiles: { pump: { devices: ["pump-*"] } }') });
    assert.ok(Object.isFrozen(settings));
    assert.ok(Object.isFrozen(settings.profiles[0]?.definition.window));
  });

  it('reads the environment in any case', () => {
    const settings = loadSettings({
      env: {
        LOG_LEVEL: 'WARN',
        ENABLE_QUANTUM: 'Yes',
        SERVICES: 'scorer, Gateway',
        DATA_DIR: '/srv/r',
        PORT: ' 9000 ',
      },
    });
    assert.equal(settings.logLevel, 'warn');
    assert.equal(settings.enableQuantum, true);
    assert.deepEqual(settings.services, ['gateway', 'scorer']);
    assert.equal(settings.modelPath, '/srv/r/models');
    assert.equal(settings.port, 9000);
  });

  for (const [word, value] of [
    ...['true', '1', 'yes', 'on', 'TRUE'].map((text) => [text, true] as const),
    ...['false', '0', 'no', 'off', 'Off'].map((text) => [text, false] as const),
  ]) {
    it(`takes ${word} for ${value}`, () => {
      assert.equal(loadSettings({ env: { ENABLE_QUANTUM: word } }).enableQuantum, value);
    });
  }

  it('counts an empty variable as not set', () => {
    assert.equal(loadSettings({ env: { PORT: '' } }).port, 8080);
  });

  it('reads every field of the file that the seed had', () => {
    const settings = loadSettings({
      env: {},
      file: file(`
api: { host: 127.0.0.2, port: 8000, workers: 4, timeout: 12 }
detection: { window_size: 50, batch_size: 64, enable_quantum: true, enable_caching: false, cache_ttl: 60 }
performance: { max_queue_size: 7, auto_scaling: true, metrics_enabled: false }
security: { enable_authentication: false, rate_limiting: false, max_requests_per_minute: 10 }
`),
    });
    assert.deepEqual(
      { ...settings, services: 0, profiles: 0 },
      {
        ...loadSettings({ env: {} }),
        services: 0,
        profiles: 0,
        host: '127.0.0.2',
        port: 8000,
        maxWorkers: 4,
        requestTimeoutMs: 12_000,
        windowSize: 50,
        batchSize: 64,
        enableQuantum: true,
        cacheEnabled: false,
        cacheTtlSec: 60,
        maxQueueSize: 7,
        autoScaling: true,
        metricsEnabled: false,
        auth: 'off',
        rateLimiting: false,
        apiRateLimit: 10,
      },
    );
  });

  it('takes environment names in the file', () => {
    assert.equal(loadSettings({ env: {}, file: file('DATA_DIR: /srv/a\nlog_level: debug') }).dataDir, '/srv/a');
  });

  it('lets the environment win over the file, and flags over both', () => {
    const source = file('api: { port: 1000 }');
    assert.equal(loadSettings({ env: { PORT: '2000' }, file: source }).port, 2000);
    assert.equal(loadSettings({ env: { PORT: '2000' }, file: source, flags: { PORT: '3000' } }).port, 3000);
  });

  it('takes what a command wants where nothing says otherwise', () => {
    const defaults = { AUTH: 'off' };
    const on = 'security: { enable_authentication: true }';
    assert.equal(loadSettings({ env: {}, defaults }).auth, 'off');
    assert.equal(loadSettings({ env: { AUTH: 'on' }, defaults }).auth, 'on');
    assert.equal(loadSettings({ env: {}, file: file(on), defaults }).auth, 'on');
  });

  it('reports all faults of all sources together', () => {
    const problems = problemsOf({
      env: { PORT: '70000', LOG_LEVEL: 'loud', ENABLE_QUANTUM: 'perhaps' },
      file: file('detection: { window_size: many }\napi: { prot: 1 }'),
    });
    assert.equal(problems.length, 5, problems.join('\n'));
    assert.ok(problems.includes('PORT must be an integer from 0 to 65535, got "70000"'));
  });

  it('suggests the nearest name', () => {
    assert.deepEqual(problemsOf({ file: file('api: { prot: 1 }') }), [
      'redshank.yaml: "api.prot" is not a setting, did you mean "api.port"?',
    ]);
    assert.match(problemsOf({ env: { SERVICES: 'scorer,gatway' } })[0] ?? '', /did you mean "gateway"\?$/);
    assert.match(problemsOf({ env: { LOG_LEVEL: 'warning' } })[0] ?? '', /did you mean "warn"\?$/);
  });

  it('refuses unknown names of its own prefix and ignores everything else', () => {
    assert.deepEqual(problemsOf({ env: { PATH: '/bin', REDSHANK_URL: 'http://a', REDSHANK_PORT: '1' } }), [
      '"REDSHANK_PORT" in the environment is not a setting, did you mean "PORT"?',
    ]);
  });

  const CLUSTER = { NATS_URL: 'nats://a', REDIS_URL: 'redis://a' };
  const alone: readonly (readonly [string, Record<string, string>, RegExp])[] = [
    ['NATS_URL without REDIS_URL', { NATS_URL: 'nats://a:4222' }, /NATS_URL is set without REDIS_URL/],
    ['REDIS_URL without NATS_URL', { REDIS_URL: 'redis://a' }, /REDIS_URL is set without NATS_URL/],
    ['AUTH=off for the network', { AUTH: 'off', HOST: '0.0.0.0' }, /AUTH=off needs HOST to be a loopback address/],
    ['equal ports', { PORT: '7000', METRICS_PORT: '7000' }, /METRICS_PORT must differ from PORT, got 7000/],
    [
      'several Redis without a mode',
      { ...CLUSTER, REDIS_URL: 'redis://a,redis://b' },
      /set REDIS_MODE=cluster, or REDIS_S/,
    ],
    [
      'Sentinels of a Redis Cluster',
      { ...CLUSTER, REDIS_MODE: 'cluster', REDIS_SENTINEL_MASTER: 'fleet' },
      /REDIS_SENTINEL_MASTER is set with REDIS_MODE=cluster/,
    ],
    ['an authority without TLS', { ...CLUSTER, REDIS_TLS_CA: 'ca.pem' }, /REDIS_URL does not start with rediss/],
    ['a URL of another kind', { NATS_URL: 'http://a', REDIS_URL: 'redis://a' }, /NATS_URL must be a URL that starts/],
    ['a fraction for a whole number', { PORT: '80.5' }, /PORT must be an integer/],
    ['two ways into NATS', { NATS_CREDS: 'a.creds', NATS_NKEY_SEED: 'a.nk' }, /keep one of them/],
    ['a certificate without its key', { NATS_TLS_CERT: 'a.pem' }, /set both or neither/],
    ['a namespace with a dot', { NAMESPACE: 'a.b' }, /NAMESPACE must be 1 to 32 of a-z, 0-9 and -, got "a.b"/],
    ['hexadecimal', { PORT: '0x50' }, /PORT must be an integer/],
    ['no service at all', { SERVICES: ' , ' }, /SERVICES must be one or more of/],
  ];
  for (const [name, env, message] of alone) {
    it(`refuses ${name}, in one message`, () => {
      const problems = problemsOf({ env });
      assert.equal(problems.length, 1, problems.join('\n'));
      assert.match(problems[0] ?? '', message);
    });
  }

  for (const host of ['localhost', '127.0.0.1', '127.8.8.8', '::1']) {
    it(`takes AUTH=off on ${host}`, () => assert.equal(loadSettings({ env: { AUTH: 'off', HOST: host } }).auth, 'off'));
  }

  it('has more partitions in a cluster', () => {
    const env = { NATS_URL: 'nats://a:4222,nats://b:4222', REDIS_URL: 'redis://r' };
    assert.equal(loadSettings({ env }).partitions, 32);
  });

  it('takes one, three or five replicas', () => {
    assert.equal(loadSettings({ env: {}, file: file('nats_replicas: 3') }).natsReplicas, 3);
    assert.match(problemsOf({ file: file('nats_replicas: 2') })[0] ?? '', /must be one of 1, 3, 5, got 2/);
  });

  it('never shows a password', () => {
    const problems = problemsOf({ env: { NATS_URL: 'http://me:secret@host' } });
    assert.ok(!problems.join().includes('secret'));
  });

  const broken: readonly (readonly [string, string, RegExp])[] = [
    ['broken YAML', 'api: [', /redshank\.yaml line 1: not valid YAML/],
    ['a key twice', 'partitions: 1\npartitions: 2', /line 2: not valid YAML: Map keys must be unique/],
    ['a list', '- a', /must be a mapping of settings/],
    ['a section that is no mapping', 'api: 8080', /api must be a mapping, got 8080/],
    ['an alias without anchor', 'api: *x', /not valid YAML/],
    ['one thing said twice', 'port: 1\napi: { port: 2 }', /api\.port and port say the same/],
    ['a prototype', '__proto__: { port: 1 }', /"__proto__" is not a setting/],
    ['a bad profile name', 'profiles: { "Pump 1": {} }', /profile name must match/],
    ['a bad profile field', 'profiles: { pump: { window: { stepMs: -1 } } }', /profiles\.pump\.window\.stepMs/],
  ];
  for (const [name, text, message] of broken) {
    it(`says what is wrong with ${name}`, () => {
      assert.match(problemsOf({ file: file(text) }).join('\n'), message);
    });
  }

  for (const password of ['hush', 'hu/sh', 'hu,sh', 'hu@sh', 'hu sh']) {
    it(`shows no password, also none that should have been encoded: ${password}`, () => {
      const urls = `nats://me:${password}@a:4222,nats://you:${password}@b:x`;
      const problems = problemsOf({ env: { NATS_URL: urls } }).join('\n');
      assert.match(problems, /NATS_URL|nats_url/);
      for (const part of password.split(/\W/)) assert.ok(!problems.includes(part), problems);
    });
  }

  it('takes an empty file', () => {
    assert.equal(loadSettings({ env: {}, file: file('# nothing\n') }).port, 8080);
  });

  it('completes profiles', () => {
    const text = 'profiles: { pump: { devices: ["pump-*"], alerting: { openAfter: 3 } } }';
    const [profile] = loadSettings({ env: {}, file: file(text) }).profiles;
    assert.equal(profile?.name, 'pump');
    assert.equal(profile.definition.alerting.openAfter, 3);
    assert.equal(profile.definition.window.stepMs, 0);
  });
});
