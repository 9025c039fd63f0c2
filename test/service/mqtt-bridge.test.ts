import assert from 'node:assert/strict';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { systemClock } from '../../mixins/clock.js';
import type { ReadingBatch } from '../../models/domain/reading-batch.js';
import { StorageFailedError } from '../../models/errors.js';
import { createIngestMetrics } from '../../services/ingest/ingest-metrics.js';
import { MqttBridge } from '../../services/ingest/mqtt-bridge.js';
import { SparkplugHost } from '../../services/ingest/sparkplug-host.js';
import { JetStreamApi } from '../../storage/nats/jetstream-api.js';
import { openMqttFeeds, SERVER_STREAM } from '../../storage/nats/mqtt-feeds.js';
import { NatsConnection } from '../../storage/nats/nats-connection.js';
import { MemoryReadSide } from '../support/memory-read-side.js';
import { natsSettings } from '../support/nats-settings.js';
import { needsNatsServer, NatsServer } from '../support/nats-server.js';
import { until } from '../support/until.js';

const SUBJECT = '$MQTT.msgs.iot.default.pump.telemetry';

describe('the bridge from MQTT', function () {
  this.timeout(60_000);
  let server: NatsServer;
  let connection: NatsConnection;
  let api: JetStreamApi;
  const ends: (() => Promise<void>)[] = [];

  before(function () {
    needsNatsServer(this);
  });
  beforeEach(async () => {
    server = await NatsServer.start();
    connection = await NatsConnection.connect(natsSettings(server.url));
    api = new JetStreamApi(connection);
  });
  afterEach(async () => {
    giveUp();
    for (const end of ends.splice(0)) await end();
    await connection.close();
    await server.stop();
  });

  /** @returns how to end it. */
  function start(take: (times: number[]) => Promise<void>, refused: (count: number) => void = () => {}) {
    const stopping = new AbortController();
    const bridge = new MqttBridge({
      open: (failed) => openMqttFeeds(connection, 'redshank', 1, failed),
      sparkplug: new SparkplugHost(new MemoryReadSide(), systemClock, pino({ enabled: false })),
      take: (_, batch: ReadingBatch) => take(Array.from(batch.timeMs.view())),
      refused,
      metrics: createIngestMetrics(new Registry()),
      clock: systemClock,
      logger: pino({ enabled: false }),
    });
    const done = bridge.run(stopping.signal);
    const end = async (): Promise<void> => {
      stopping.abort();
      await done;
    };
    ends.push(end);
    return end;
  }

  const consumers = async (): Promise<number> =>
    (await api.streamInfo(SERVER_STREAM).catch(() => undefined))?.state.consumer_count ?? 0;
  const stored = async (): Promise<number> => (await api.streamInfo(SERVER_STREAM)).state.messages;
  const publish = (ts: number) => api.publish(SUBJECT, JSON.stringify({ ts, values: { temp: 1 } }));
  let giveUp: () => void = () => {};
  const never = () => new Promise<void>((_, reject) => (giveUp = () => reject(new StorageFailedError('away'))));

  it('gives a message back to the server only when it is in the log', async () => {
    let release: () => void = () => {};
    const taken: number[] = [];
    start((times) => {
      taken.push(...times);
      return new Promise((resolve) => (release = resolve));
    });
    await until('a consumer', async () => (await consumers()) === 1);
    await publish(1_000);
    await until('the reading', () => taken.length === 1);
    assert.equal(await stored(), 1);
    release();
    await until('the acknowledgement', async () => (await stored()) === 0);
  });

  it('tries again while the log does not take it', async () => {
    let attempts = 0;
    start(() => (++attempts < 3 ? Promise.reject(new StorageFailedError('away')) : Promise.resolve()));
    await until('a consumer', async () => (await consumers()) === 1);
    await publish(1_000);
    await until('the acknowledgement', async () => attempts === 3 && (await stored()) === 0);
  });

  it('first gives out what a reader that died had been sent, then what is newer', async () => {
    const died = start(never);
    await until('a consumer', async () => (await consumers()) === 1);
    for (const ts of [1_000, 2_000, 3_000]) await publish(ts);
    await until('them to be sent', async () => (await api.streamInfo(SERVER_STREAM)).state.messages === 3);
    void died();
    const taken: number[] = [];
    start((times) => {
      taken.push(...times);
      return Promise.resolve();
    });
    for (const ts of [4_000, 5_000]) await publish(ts);
    await until('all', async () => (await stored()) === 0);
    assert.deepEqual(taken, [1_000, 2_000, 3_000, 4_000, 5_000]);
  });

  it('passes over, and counts, what nobody could take', async () => {
    let refused = 0;
    const taken: number[] = [];
    start(
      (times) => {
        taken.push(...times);
        return Promise.resolve();
      },
      (count) => (refused += count),
    );
    await until('a consumer', async () => (await consumers()) === 1);
    await api.publish(SUBJECT, '{');
    await api.publish('$MQTT.msgs.iot.No Tenant.pump.telemetry'.replace(' ', '_'), '{"temp":1}');
    await publish(7_000);
    await until('all', async () => (await stored()) === 0);
    assert.deepEqual([refused, taken], [2, [7_000]]);
  });
});
