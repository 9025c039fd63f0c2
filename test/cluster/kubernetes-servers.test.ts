/**
 * NATS as k8s/helm-values has it made, but for Kubernetes: three servers with the certificates of k8s/servers, the users of
 * k8s/nats and the passwords of k8s/make-secrets.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { connect } from 'nats';
import { parseAllDocuments } from 'yaml';
import { secretsOf } from '../../k8s/make-secrets.js';
import { natsPermissions } from '../../k8s/nats/permissions.js';
import { loadSettings, SERVICE_NAMES } from '../../models/settings.js';
import { NatsConnection } from '../../storage/nats/nats-connection.js';
import { openNatsStorage } from '../../storage/nats/nats-storage.js';
import { Authority, type Certificate } from '../support/authority.js';
import { freePort } from '../support/free-port.js';
import { NatsServer, needsNatsServer } from '../support/nats-server.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { until } from '../support/until.js';

const SERVERS = 3;

describe('NATS of the Kubernetes deployment', function () {
  this.timeout(180_000);
  const newFolder = temporaryFolder();
  const secrets = secretsOf({ partitions: 2 });
  const secret = (name: string) => secrets.find(({ metadata }) => metadata.name === name)!.stringData;
  let authority: Authority;
  let servers: NatsServer[] = [];
  let ports: number[] = [];

  before(function () {
    needsNatsServer(this);
  });
  beforeEach(async () => {
    const folder = newFolder();
    authority = new Authority(folder);
    const certificate = authority.sign('nats', dnsNamesOf('nats-tls'));
    writeFileSync(join(folder, 'permissions.conf'), natsPermissions({ partitions: 2 }));
    ports = await Promise.all(Array.from({ length: SERVERS }, () => freePort()));
    servers = await Promise.all(
      ports.map((_, i) =>
        NatsServer.start({
          config: [
            `server_name: nats-${i}`,
            `tls { ${tls(certificate)} }`,
            cluster(ports[i]!, tls(certificate)),
            // Relative to the folder of the configuration, as in the values.
            `include ../${basename(folder)}/permissions.conf`,
          ].join('\n'),
          env: secret('nats-passwords'),
        }),
      ),
    );
  });
  afterEach(() => Promise.all(servers.splice(0).map((server) => server.stop())));

  const tls = ({ cert, key }: Certificate) =>
    `cert_file: "${cert}", key_file: "${key}", ca_file: "${authority.ca}", verify: false`;
  const cluster = (port: number, ofRoutes: string) => {
    const scheme = ofRoutes === '' ? 'nats' : 'tls';
    const routes = ports.map((other) => `"${scheme}://localhost:${other}"`).join(', ');
    const secured = ofRoutes === '' ? '' : `, tls { ${ofRoutes.replace('verify: false', 'verify: true')} }`;
    return `cluster { name: nats, listen: "127.0.0.1:${port}", no_advertise: true, routes: [${routes}]${secured} }`;
  };
  /** Of the secret, at a server of this machine. */
  const settingsOf = (user: string) => {
    const url = secret('redshank-nats')[user]!.replace(
      'nats.nats.svc.cluster.local:4222',
      `localhost:${servers[0]!.port}`,
    );
    const env = { NATS_URL: url, REDIS_URL: 'redis://unused', NATS_TLS_CA: authority.ca };
    return loadSettings({ env, file: { path: 'config.yaml', text: 'partitions: 2\nnats_replicas: 3' } });
  };

  it('lets in each service by its secret, and keeps the log on all three', async () => {
    const open = () => openNatsStorage(settingsOf('window'), { inboxPrefix: '_INBOX_window' });
    const storage = await until('three that know each other', () => open().catch(() => undefined), 90_000);
    assert.equal(storage.journal.durability, 'server-loss');
    await storage.close();
    for (const user of [...SERVICE_NAMES, 'operator']) {
      await (await NatsConnection.connect(settingsOf(user), { inboxPrefix: `_INBOX_${user}` })).close();
    }
  });

  it('tells the system user how the servers are', async () => {
    const connection = await connect({
      servers: `localhost:${servers[0]!.port}`,
      user: 'system',
      pass: secret('nats-passwords')['NATS_PASSWORD_SYSTEM']!,
      tls: { caFile: authority.ca },
    });
    const answer = await connection.request('$SYS.REQ.SERVER.PING', '', { timeout: 5_000 });
    assert.match(answer.json<{ server: { name: string } }>().server.name, /^nats-\d$/);
    await connection.close();
  });

  it('lets no server join that has no certificate of the authority', async () => {
    const stranger = new Authority(newFolder(), 'stranger');
    const ofStranger = stranger.sign('nats', ['localhost']);
    for (const routes of ['', tls(ofStranger).replace(authority.ca, stranger.ca)]) {
      const monitor = await freePort();
      const outsider = await NatsServer.start({
        jetStream: false,
        config: `server_name: stranger\nhttp: "127.0.0.1:${monitor}"\n${cluster(await freePort(), routes)}`,
      });
      try {
        const refusals = () => servers.map(({ output }) => output.match(/TLS route handshake error/g)?.length ?? 0);
        const before = refusals();
        await until('all to refuse it', () => refusals().every((count, i) => count > before[i]!), 30_000);
        const { num_routes } = (await (await fetch(`http://127.0.0.1:${monitor}/routez`)).json()) as {
          num_routes: number;
        };
        assert.equal(num_routes, 0);
      } finally {
        await outsider.stop();
      }
    }
  });
});

function dnsNamesOf(name: string): readonly string[] {
  const text = readFileSync(new URL('../../k8s/servers/certificates.yaml', import.meta.url), 'utf8');
  const found = parseAllDocuments(text)
    .map((document) => document.toJS() as { metadata: { name: string }; spec: { dnsNames: string[] } })
    .find(({ metadata }) => metadata.name === name);
  return found!.spec.dnsNames;
}
