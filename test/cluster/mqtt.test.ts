/** Devices that speak MQTT, at nats-server: real clients, users with their own rights, and processes that die. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import mqtt, { type MqttClient } from 'mqtt';
import { connect, type NatsConnection } from 'nats';
import type { ServiceName } from '../../models/settings.js';
import { Cluster } from '../support/cluster.js';
import { freePort } from '../support/free-port.js';
import { needsNatsServer } from '../support/nats-server.js';
import { passwordOf } from '../support/nats-users.js';
import { bytesField, doubleField, varintField, type Field } from '../support/protobuf-encoder.js';
import { needsRedis } from '../support/redis-server.js';
import { until } from '../support/until.js';

const REST: readonly ServiceName[] = ['gateway', 'window', 'scorer', 'alerting', 'model-registry'];
const DEVICE = 'sensor';
const TOPIC = `iot/default/${DEVICE}/telemetry`;
const STEP_MS = 1_000;
const BURST = 10_000;

describe('devices over MQTT', function () {
  this.timeout(180_000);
  let cluster: Cluster;
  let port: number;
  const clients: MqttClient[] = [];
  const connections: NatsConnection[] = [];

  before(function () {
    needsNatsServer(this);
  });
  needsRedis(this);
  before(async () => {
    port = await freePort();
    cluster = await Cluster.start({
      parts: [
        { name: 'ingest-1', services: ['ingest'] },
        { name: 'ingest-2', services: ['ingest'] },
        { name: 'rest', services: REST },
      ],
      partitions: 2,
      hasNatsUsers: true,
      edgeNodes: ['plant/edge-1'],
      natsConfig: `server_name: nats-1\nmqtt { host: "127.0.0.1", port: ${port} }`,
      env: { MQTT: 'on', CLUSTER_SECRET: 'a secret that all processes of this cluster have been given' },
    });
    await until('somebody to read', async () => (await holders()).length === 1);
  });
  afterEach(function () {
    if (this.currentTest?.isFailed() === true) console.log(cluster.report());
  });
  after(async () => {
    for (const client of clients) client.end(true);
    await Promise.all(connections.map((connection) => connection.close()));
    await cluster.stop();
  });

  async function client(user: string): Promise<MqttClient> {
    const options = {
      username: user,
      password: passwordOf(user),
      reconnectPeriod: 200,
      clientId: `c-${clients.length}`,
    };
    const connected = await mqtt.connectAsync(`mqtt://127.0.0.1:${port}`, options);
    clients.push(connected);
    return connected;
  }

  async function nats(user: string): Promise<NatsConnection> {
    const connection = await connect({ servers: `127.0.0.1:${cluster.nats.port}`, user, pass: passwordOf(user) });
    connections.push(connection);
    return connection;
  }

  async function metric(part: string, line: RegExp): Promise<number> {
    const text = await (await fetch(`${cluster.part(part).metricsUrl}/metrics`)).text().catch(() => '');
    return Number(line.exec(text)?.[1] ?? 0);
  }

  async function holders(): Promise<string[]> {
    const held = await Promise.all(
      cluster
        .parts('ingest')
        .map(async ({ options: { name }, isRunning }) =>
          isRunning && (await metric(name, /^redshank_mqtt_is_reading (\d)/m).catch(() => 0)) === 1 ? [name] : [],
        ),
    );
    return held.flat();
  }

  const device = async (id: string) => {
    const answer = await fetch(`${cluster.url}/v1/devices/${encodeURIComponent(id)}`);
    return (await answer.json()) as { outcomes?: Record<string, number>; channels?: string[] };
  };
  const scored = async (id: string) => (await device(id)).outcomes?.['scored'] ?? 0;
  const reading = (i: number): string =>
    JSON.stringify({ ts: Date.UTC(2026, 0, 1) + i * STEP_MS, values: { temp: 20 + Math.sin(i) } });

  it('are taken with QoS 1 and 0, as their user allows', async () => {
    const sensor = await client(DEVICE);
    for (let i = 0; i < 25; i++) await sensor.publishAsync(TOPIC, reading(i), { qos: 1 });
    await until('those with QoS 1', async () => (await scored(DEVICE)) === 25);
    for (let i = 25; i < 50; i++) await sensor.publishAsync(TOPIC, reading(i), { qos: 0 });
    await until('those with QoS 0', async () => (await scored(DEVICE)) === 50);
    assert.deepEqual((await device(DEVICE)).outcomes?.['duplicate'], 0);
    for (const foreign of ['iot/default/other/telemetry', 'iot/acme/sensor/telemetry']) {
      await sensor.publishAsync(foreign, reading(0), { qos: 1 });
    }
    await sensor.publishAsync(TOPIC, reading(50), { qos: 1 });
    await until('the one behind them', async () => (await scored(DEVICE)) === 51);
    assert.equal(await scored('other'), 0);
  });

  it('may leave out the time, send lists and bare values, and have refused what is none', async () => {
    const before = await scored(DEVICE);
    const refused = async () => {
      const counts = await Promise.all(
        ['ingest-1', 'ingest-2'].map((part) => metric(part, /^redshank_invalid_readings_total (\d+)/m)),
      );
      return counts[0]! + counts[1]!;
    };
    const refusedBefore = await refused();
    const sensor = await client(DEVICE);
    await sensor.publishAsync(TOPIC, '{"temp":21.5}', { qos: 1 });
    await until('bare values', async () => (await scored(DEVICE)) === before + 1);
    const list = [
      JSON.parse(reading(60)) as object,
      { values: { temp: 'hot' } },
      { values: { temp: 1 }, device: 'other' },
    ];
    for (const payload of ['{', '[1]', Buffer.from([255, 254]), JSON.stringify(list)]) {
      await sensor.publishAsync(TOPIC, payload, { qos: 1 });
    }
    await until('five to be refused', async () => (await refused()) === refusedBefore + 5);
  });

  it('are taken from mosquitto_pub', async function () {
    if (spawnSync('mosquitto_pub', ['--help']).error !== undefined) {
      console.log("Skipped: there is no mosquitto_pub. Install Debian's mosquitto-clients.");
      this.skip();
    }
    const before = await scored(DEVICE);
    const now = JSON.stringify({ ts: Date.now(), values: { temp: 20 } });
    const login = ['-u', DEVICE, '-P', passwordOf(DEVICE), '-p', String(port)];
    execFileSync('mosquitto_pub', [...login, '-t', TOPIC, '-q', '1', '-m', now]);
    await until('one more', async () => (await scored(DEVICE)) === before + 1);
  });

  it('lose nothing that was acknowledged, and have nothing scored twice, whoever dies', async () => {
    const sensor = await client(DEVICE);
    const before = (await device(DEVICE)).outcomes ?? {};
    const startMs = Date.now() + 1_000;
    const message = (i: number): string => JSON.stringify({ ts: startMs + i, values: { temp: 20 } });
    const send = (i: number) => sensor.publishAsync(TOPIC, message(i), { qos: 1 });
    const burst = Promise.all(Array.from({ length: BURST }, (_, i) => send(i)));
    await until('some of it', async () => (await scored(DEVICE)) > (before['scored'] ?? 0));
    const holder = cluster.part((await holders())[0]!);
    await holder.kill9();
    holder.start();
    await burst;
    // One by one: a client sends again what was not acknowledged, behind what it has sent since.
    for (let i = BURST; i < BURST + 100; i++) {
      const fault = i === BURST + 50 ? cluster.nats.kill9().then(() => cluster.nats.restart()) : undefined;
      await send(i);
      await fault;
    }
    const expected = (before['scored'] ?? 0) + BURST + 100;
    await until('all to be scored', async () => (await scored(DEVICE).catch(() => 0)) === expected, 90_000);
    // Copies of what was taken twice are `duplicate`, or `late` beyond the device's last 32.
    const after = (await device(DEVICE)).outcomes!;
    for (const outcome of ['conflict', 'future', 'invalid'])
      assert.equal(after[outcome], before[outcome] ?? 0, outcome);
  });

  describe('in Sparkplug B', () => {
    const PAYLOAD = { timestamp: 1, metric: 2, seq: 3 };
    const payload = (seq: number, timeMs: number, ...metrics: readonly Field[]): Uint8Array =>
      Buffer.concat([
        varintField(PAYLOAD.timestamp, timeMs),
        ...metrics.map((metric) => bytesField(PAYLOAD.metric, metric)),
        varintField(PAYLOAD.seq, seq),
      ]);
    const born = (name: string, alias: number, value: number): Field =>
      Buffer.concat([
        bytesField(1, Buffer.from(name)),
        varintField(2, alias),
        varintField(4, 10),
        doubleField(13, value),
      ]);
    const data = (alias: number, value: number): Field =>
      Buffer.concat([varintField(2, alias), doubleField(13, value)]);
    // As nats-server from 2.10 on writes the topic `spBv1.0/plant/…`; 2.9 ends a client that has a dot in its topic.
    const subject = (type: string, more = ''): string => `spBv1//0.plant.${type}.edge-1${more}`;

    it('are read, their aliases too when another process goes on, and asked for the birth that is missing', async () => {
      const edge = await nats('edge-1');
      const asked: string[] = [];
      edge.subscribe(subject('NCMD'), { callback: (_, message) => void asked.push(message.string()) });
      const startMs = Date.now();
      edge.publish(subject('DDATA', '.press'), payload(3, startMs, data(7, 1)));
      await until('the question', () => asked.some((text) => text.includes('Node Control/Rebirth')));
      edge.publish(subject('NBIRTH'), payload(0, startMs, born('load', 1, 5)));
      edge.publish(subject('DBIRTH', '.press'), payload(1, startMs, born('force', 7, 10)));
      edge.publish(subject('DDATA', '.press'), payload(2, startMs + 1_000, data(7, 11)));
      await until('two values', async () => (await scored('plant/edge-1/press')) === 2);
      const [holder] = await holders();
      await cluster.part(holder!).stop();
      edge.publish(subject('DDATA', '.press'), payload(3, startMs + 2_000, data(7, 12)));
      await until('another', async () => (await scored('plant/edge-1/press')) === 3, 60_000);
      assert.deepEqual((await device('plant/edge-1/press')).channels, ['force']);
    });
  });
});
