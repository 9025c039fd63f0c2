import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { connect, nkeys } from 'nats';
import { SettingInvalidError, StorageFailedError } from '../../models/errors.js';
import { NatsConnection } from '../../storage/nats/nats-connection.js';
import { natsConnectOptions, type NatsSettings } from '../../storage/nats/nats-options.js';
import { openNatsStorage } from '../../storage/nats/nats-storage.js';
import { freePort } from '../support/free-port.js';
import { NatsServer, needsNatsServer } from '../support/nats-server.js';
import { natsSettings } from '../support/nats-settings.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { until } from '../support/until.js';

const SECRET = 'p@ss/w:rd';
const WITH_SECRET = `bird:${encodeURIComponent(SECRET)}@`;

describe('a connection to NATS', function () {
  this.timeout(60_000);
  const folder = temporaryFolder();
  let server: NatsServer | undefined;

  before(function () {
    needsNatsServer(this);
  });
  afterEach(async () => {
    await server?.stop();
    server = undefined;
  });

  const start = async (config: string): Promise<NatsServer> =>
    (server = await NatsServer.start({ jetStream: false, config }));
  const file = (name: string, content: string | Uint8Array): string => {
    const path = join(folder(), name);
    writeFileSync(path, content);
    return path;
  };

  /** Whether these let us in, through our connection and as Moleculer's transporter connects. */
  async function letsIn(settings: NatsSettings): Promise<boolean> {
    try {
      const ours = await NatsConnection.connect(settings);
      await ours.close();
      const theirs = await connect(natsConnectOptions(settings, 'bus'));
      await theirs.close();
      return true;
    } catch (error) {
      assert.ok(error instanceof StorageFailedError, String(error));
      assert.ok(!error.message.includes(SECRET));
      return false;
    }
  }

  it('takes a user and a password', async () => {
    const { port } = await start(`authorization { user: bird, password: "${SECRET}" }`);
    assert.equal(await letsIn(natsSettings(`nats://${WITH_SECRET}127.0.0.1:${port}`)), true);
    assert.equal(await letsIn(natsSettings(`nats://bird:wrong@127.0.0.1:${port}`)), false);
    assert.equal(await letsIn(natsSettings(`nats://127.0.0.1:${port}`)), false);
  });

  it('takes a token', async () => {
    const { port } = await start('authorization { token: "feather" }');
    assert.equal(await letsIn(natsSettings(`nats://feather@127.0.0.1:${port}`)), true);
    assert.equal(await letsIn(natsSettings(`nats://leather@127.0.0.1:${port}`)), false);
  });

  it('takes an nkey', async () => {
    const user = nkeys.createUser();
    const { url } = await start(`authorization { users: [ { nkey: ${user.getPublicKey()} } ] }`);
    const seed = (pair: typeof user) => file('seed.nk', `${new TextDecoder().decode(pair.getSeed())}\n`);
    assert.equal(await letsIn(natsSettings(url, { natsNkeySeed: seed(user) })), true);
    assert.equal(await letsIn(natsSettings(url, { natsNkeySeed: seed(nkeys.createUser()) })), false);
  });

  it('takes credentials', async () => {
    const operator = nkeys.createOperator();
    const account = nkeys.createAccount();
    const user = nkeys.createUser();
    const accountJwt = jwt(operator, account.getPublicKey(), 'account', { type: 'account', limits: NO_LIMITS });
    const { url } = await start(
      [
        `operator: ${jwt(operator, operator.getPublicKey(), 'operator', { type: 'operator' })}`,
        'resolver: MEMORY',
        `resolver_preload: { ${account.getPublicKey()}: ${accountJwt} }`,
      ].join('\n'),
    );
    const creds = (signer: typeof account) =>
      file(
        'user.creds',
        `-----BEGIN NATS USER JWT-----\n${jwt(signer, user.getPublicKey(), 'user', { type: 'user', ...NO_LIMITS })}\n------END NATS USER JWT------\n\n` +
          `-----BEGIN USER NKEY SEED-----\n${new TextDecoder().decode(user.getSeed())}\n------END USER NKEY SEED------\n`,
      );
    assert.equal(await letsIn(natsSettings(url, { natsCreds: creds(account) })), true);
    assert.equal(await letsIn(natsSettings(url, { natsCreds: creds(nkeys.createAccount()) })), false);
  });

  it('speaks TLS, with certificates on both sides', async () => {
    const { ca, cert, key } = certificate(folder());
    await start(`tls { cert_file: "${cert}", key_file: "${key}", ca_file: "${ca}", verify: true }`);
    const url = `tls://localhost:${server!.port}`;
    const both = { natsTlsCa: ca, natsTlsCert: cert, natsTlsKey: key };
    assert.equal(await letsIn(natsSettings(url, both)), true);
    const quick = (settings: NatsSettings) => NatsConnection.connect(settings, { connectWithinMs: 1_500 });
    await assert.rejects(quick(natsSettings(url, { natsTlsCa: ca })), StorageFailedError);
    await assert.rejects(quick(natsSettings(url, { natsTlsCert: cert, natsTlsKey: key })), StorageFailedError);
  });

  it('refuses a server without TLS when TLS is asked for', async () => {
    const { port } = await start('');
    const connecting = NatsConnection.connect(natsSettings(`tls://127.0.0.1:${port}`), { connectWithinMs: 1_000 });
    await assert.rejects(connecting, /agree on TLS/);
  });

  it('says when its user is refused later, and once that it is back', async () => {
    const { port } = await start('authorization { user: a, password: b }');
    const told: string[] = [];
    const connection = await NatsConnection.connect(natsSettings(`nats://a:b@127.0.0.1:${port}`), {
      report: (_, message) => void told.push(message),
    });
    const conf = join(server!.folder, 'nats.conf');
    const change = async (from: string, to: string) => {
      writeFileSync(conf, readFileSync(conf, 'utf8').replace(from, to));
      await server!.restart();
    };
    const of = (words: string) => told.filter((message) => message.includes(words)).length;
    await change('password: b', 'password: z');
    await until('word of the refusal', () => of('does not let this user in any more') > 0);
    await change('password: z', 'password: b');
    await until('the line', () => connection.isConnected && of('again') > 0);
    await connection.request('x', '', { timeoutMs: 500 }).catch(() => undefined);
    assert.deepEqual([of('does not let this user in any more'), of('connected to NATS')], [1, 1]);
    await connection.close();
  });

  it('takes the server that is there', async () => {
    const { port } = await start('');
    assert.equal(await letsIn(natsSettings(`nats://127.0.0.1:${await freePort()}, nats://127.0.0.1:${port}`)), true);
  });

  it('says what to check when nobody is there, or somebody who says nothing', async () => {
    const sockets: Socket[] = [];
    const mute = createServer((socket) => sockets.push(socket));
    await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
    const mutePort = (mute.address() as { port: number }).port;
    for (const port of [await freePort(), mutePort]) {
      const connecting = NatsConnection.connect(natsSettings(`nats://${WITH_SECRET}127.0.0.1:${port}`), {
        connectWithinMs: 700,
      });
      await assert.rejects(connecting, (error) => {
        assert.ok(error instanceof StorageFailedError);
        assert.match(error.message, /could not be reached within 700 ms .* check that it runs, that NATS_URL names it/);
        assert.ok(!error.message.includes('bird'));
        return true;
      });
    }
    for (const socket of sockets) socket.destroy();
    mute.close();
  });

  it('refuses URLs that disagree and files that are not there, all in one message', () => {
    assert.throws(
      () =>
        natsConnectOptions(
          natsSettings('nats://a:b@x,nats://c:d@y', { natsCreds: '/nowhere', natsTlsCa: '/neither' }),
          'test',
        ),
      (error) => error instanceof SettingInvalidError && error.problems.length === 3,
    );
  });

  it('has no secret in the options that Moleculer shows', () => {
    assert.ok(!JSON.stringify(natsConnectOptions(natsSettings(`nats://${WITH_SECRET}x`), 'test')).includes(SECRET));
    assert.ok(!JSON.stringify(natsConnectOptions(natsSettings('nats://feather@x'), 'test')).includes('feather'));
  });

  it('ends a request with the line that carries it', async () => {
    const { url } = await start('');
    const connection = await NatsConnection.connect(natsSettings(url));
    connection.subscribe('deaf', () => {});
    const asked = connection.request('deaf', '', { timeoutMs: 50_000 });
    await Promise.all([assert.rejects(asked, /the connection to NATS is lost/), server!.kill9()]);
    await connection.close();
  });

  it('says at once what a user may not do', async () => {
    const { port } = await start(
      'authorization { users: [ { user: bird, password: x, permissions: { publish: ["open"], subscribe: ["mine.>"] } } ] }',
    );
    const messages: string[] = [];
    const connection = await NatsConnection.connect(natsSettings(`nats://bird:x@127.0.0.1:${port}`), {
      inboxPrefix: 'mine',
      report: (_level, message) => messages.push(message),
    });
    const asked = connection.request('closed', '', { timeoutMs: 50_000 });
    await assert.rejects(asked, /may not publish closed at NATS/);
    await assert.rejects(connection.request('open', ''), /nobody answers open/);
    await until('the report', () => messages.some((message) => message.includes('may not publish closed')));
    await connection.close();
  });

  it('says that JetStream is missing', async () => {
    const { url } = await start('');
    const settings = { ...natsSettings(url), namespace: 'test', partitions: 1, natsReplicas: undefined };
    await assert.rejects(openNatsStorage(settings), /has no JetStream/);
  });

  it('opens everything together, and reports what that keeps', async () => {
    server = await NatsServer.start();
    const messages: string[] = [];
    const settings = { ...natsSettings(server.url), namespace: 'test', partitions: 2, natsReplicas: undefined };
    const storage = await openNatsStorage(settings, { report: (_level, message) => messages.push(message) });
    await storage.close();
    assert.match(messages.join(), /NATS 2\.\d+\.\d+, 1 replica\(s\) of each stream: .* survives process-crash/);
    await assert.rejects(openNatsStorage({ ...settings, natsReplicas: 3 }), /nats_replicas must be 1/);
  });
});

const NO_LIMITS = { subs: -1, data: -1, payload: -1, conn: -1, leaf: -1, imports: -1, exports: -1, wildcards: true };

type KeyPair = ReturnType<typeof nkeys.createUser>;

/** As `nsc` signs it. Source: NATS JWT v2. */
function jwt(signer: KeyPair, subject: string, name: string, nats: object): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const body = `${part({ typ: 'JWT', alg: 'ed25519-nkey' })}.${part({
    jti: name,
    iat: 1_700_000_000,
    iss: signer.getPublicKey(),
    name,
    sub: subject,
    nats: { ...nats, version: 2 },
  })}`;
  return `${body}.${Buffer.from(signer.sign(new TextEncoder().encode(body))).toString('base64url')}`;
}

/** Signed by itself, for localhost: authority, server and client in one. */
function certificate(folder: string): { readonly ca: string; readonly cert: string; readonly key: string } {
  const cert = join(folder, 'cert.pem');
  const key = join(folder, 'key.pem');
  const options = ['-days', '2', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', cert, ...options], {
    stdio: 'ignore',
  });
  return { ca: cert, cert, key };
}
