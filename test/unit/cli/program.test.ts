import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { recordingTerminal, run } from './recording-terminal.js';

describe('redshank', () => {
  let folder = '';
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'redshank-test-'));
  });
  after(() => rm(folder, { recursive: true }));

  it('shows its commands and exit codes', async () => {
    const { exitCode, out } = await run(['--help']);
    assert.equal(exitCode, 0);
    for (const word of ['demo', 'ingest', 'backtest', 'Exit codes']) assert.ok(out.includes(word), word);
  });

  for (const [name, args] of [
    ['no command', []],
    ['an unknown command', ['explode']],
    ['an unknown option', ['devices', '--colour']],
    ['a missing argument', ['explain']],
    ['a number that is none', ['simulate', '--devices', 'many']],
    ['an unknown fault', ['simulate', '--faults', 'fire']],
    ['a URL that is none', ['devices', '--url', 'nowhere']],
    ['speed without an end', ['simulate', '--speed', '10']],
  ] as const) {
    it(`calls ${name} bad usage`, async () => {
      const { exitCode, err } = await run(args);
      assert.equal(exitCode, 2);
      assert.notEqual(err, '');
    });

    it(`calls ${name} bad usage in JSON`, async () => {
      const { exitCode, err, out } = await run([...args, '--json']);
      assert.deepEqual([exitCode, out], [2, '']);
      assert.equal((JSON.parse(err) as { error: { exitCode: number } }).error.exitCode, 2);
    });
  }

  it('says when nothing answers, and what to do', async () => {
    const { exitCode, err } = await run(['devices', '--url', 'http://127.0.0.1:9']);
    assert.equal(exitCode, 3);
    assert.match(err, /cannot reach http:\/\/127\.0\.0\.1:9.*redshank start/);
  });

  it('tells failures as JSON where JSON was asked for', async () => {
    const { err } = await run(['devices', '--json', '--url', 'http://127.0.0.1:9']);
    assert.equal((JSON.parse(err) as { error: { exitCode: number } }).error.exitCode, 3);
  });

  it('says which file is missing', async () => {
    const { exitCode, err } = await run(['config', 'validate', join(folder, 'absent.yaml')]);
    assert.equal(exitCode, 4);
    assert.match(err, /absent\.yaml does not exist/);
  });

  describe('config validate', () => {
    it('prints the settings that result', async () => {
      const { exitCode, out } = await run(['config', 'validate', '--json'], recordingTerminal({ PORT: '7001' }));
      assert.equal(exitCode, 0);
      assert.equal((JSON.parse(out) as { settings: { port: number } }).settings.port, 7001);
    });

    it('prints every problem and ends with 2', async () => {
      const file = join(folder, 'bad.yaml');
      await writeFile(file, 'api: { port: no }\ncolour: red\n');
      const { exitCode, err } = await run(['config', 'validate', file], recordingTerminal({ LOG_LEVEL: 'loud' }));
      assert.equal(exitCode, 2);
      for (const word of ['LOG_LEVEL', 'api.port', '"colour"', '3 bad setting(s)']) assert.ok(err.includes(word), word);
    });

    it('keeps passwords to itself', async () => {
      const hidden = 'hush'.repeat(10);
      const env = {
        NATS_URL: `nats://me:${hidden}@a:4222`,
        REDIS_URL: `redis://:${hidden}@r`,
        CLUSTER_SECRET: hidden,
        JWT_SECRET: hidden,
      };
      for (const as of [[], ['--json']]) {
        const { out } = await run(['config', 'validate', ...as], recordingTerminal(env));
        assert.ok(out.includes('nats://***@a:4222'));
        assert.ok(!out.includes('hush'), out);
      }
    });

    it('names settings as people set them', async () => {
      const { out } = await run(['config', 'validate'], recordingTerminal({ PORT: '7001' }));
      assert.match(out, /^api\.port +PORT +7001$/m);
      assert.match(out, /^api\.timeout +30$/m);
    });
  });
});
