/**
 * A service of another team, in a process of its own: sends the readings of a pump, waits for their scores, has the strangest
 * explained, and tells of alerts. It knows nothing of Redshank but docs/bus.md.
 *
 * Against a cluster of your own, started with `AUTH=on npm run cluster`, which prints both; one for others asks for a user, too:
 *
 *     NATS_URL=nats://127.0.0.1:PORT REDSHANK_API_KEY=rsk_… node examples/foreign-service/pump-watch.js
 *     NATS_URL=nats://guest:PASSWORD@host:4222 REDSHANK_API_KEY=rsk_… node examples/foreign-service/pump-watch.js
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { ServiceBroker } from 'moleculer';

const { NATS_URL = 'nats://127.0.0.1:4222', NAMESPACE = 'redshank', REDSHANK_API_KEY, DEVICE = 'pump-7' } = process.env;
const READINGS = 400;
const STEP_MS = 1_000;
const LONGEST_WAIT_MS = 60_000;
const LOOK_EVERY_MS = 200;
const url = new URL(NATS_URL);

const broker = new ServiceBroker({
  namespace: NAMESPACE,
  // Its first word is the user at NATS: the permissions of that user are for subjects with this word.
  nodeID: `${url.username || 'guest'}.pump-watch-${process.pid}`,
  transporter: {
    type: 'NATS',
    options: { servers: url.host, user: decodeURIComponent(url.username), pass: decodeURIComponent(url.password) },
  },
  requestTimeout: 10_000,
  // Redshank counts on nodes that it has heard of within 6 s; the framework's 10 s would lose events.
  heartbeatInterval: 2,
  logLevel: 'warn',
});

/** Every call carries the key; the tenant is that of the key. */
const call = (action, params = {}) => broker.call(action, params, { meta: { apiKey: REDSHANK_API_KEY } });

/** Alerts that were told of already: an event may come twice with what `alerting.list` says. */
const told = new Set();

function tellOf(alert) {
  if (told.has(alert.id)) return;
  told.add(alert.id);
  console.log(`alert ${alert.severity} on ${alert.device}: ${alert.reasons[0]}`);
}

let isHeardByAlerting = false;

broker.createService({
  name: 'pump-watch',
  events: {
    // It comes every second from everybody who knows that we listen.
    'stage.progress': ({ params: { stage } }) => {
      isHeardByAlerting ||= stage === 'alerting';
    },
    'alert.raised': ({ params: { alert } }) => {
      console.log(`heard of ${alert.id}`);
      tellOf(alert);
    },
  },
});

async function watchPump() {
  await call('ingest.push', { readings: readings() }).then(({ accepted }) => console.log(`accepted ${accepted}`));
  const { scores } = await until('scores', async () => {
    const list = await call('scorer.scores', { device: DEVICE, limit: 500 });
    return list.scores.length >= READINGS ? list : undefined;
  });
  console.log(`scored ${scores.length}, strange ${scores.filter(({ isAnomaly }) => isAnomaly).length}`);
  const { strange } = await call('scorer.explain', { device: DEVICE });
  console.log(`because ${strange[0]?.reasons[0]}`);
  const window = await until('window', () => call('window.get', { device: DEVICE }));
  console.log(`window of ${window.device}: ${Object.keys(window.channels).join(', ')}`);
  // An event may be lost; whoever must not miss an alert asks.
  const { alerts } = await until('alerts', async () => {
    const list = await call('alerting.list', { device: DEVICE });
    return list.alerts.length > 0 ? list : undefined;
  });
  alerts.forEach(tellOf);
  const acknowledged = await call('alerting.acknowledge', { id: alerts[0].id, note: 'a colleague looks at it' });
  console.log(`${acknowledged.status} by ${acknowledged.history.at(-1).by}`);
  console.log('done');
}

/** A pump at rest, and a bearing that gives way near the end. */
function readings() {
  const startMs = Date.now() - READINGS * STEP_MS;
  return Array.from({ length: READINGS }, (_, i) => ({
    device: DEVICE,
    ts: startMs + i * STEP_MS,
    values: { temp: 70 + Math.sin(i / 7) + (i > READINGS - 20 ? 25 : 0), vib: 0.3 + 0.02 * Math.cos(i / 3) },
  }));
}

/** Asks again while the answer is undefined, or an error that may pass. */
async function until(what, ask) {
  const deadlineMs = performance.now() + LONGEST_WAIT_MS;
  for (;;) {
    try {
      const answer = await ask();
      if (answer !== undefined) return answer;
    } catch (error) {
      // NOT_FOUND: the device is not known before its first reading has been scored.
      if (error.retryable !== true && error.type !== 'NOT_FOUND') throw error;
    }
    if (performance.now() > deadlineMs) throw new Error(`no ${what} within ${LONGEST_WAIT_MS} ms`);
    await sleep(LOOK_EVERY_MS);
  }
}

const stop = async () => {
  await broker.stop();
  process.exit();
};
process.once('SIGTERM', () => void stop());
process.once('SIGINT', () => void stop());

/** One sentence for people instead of a stack. */
function wordsFor({ type, message }) {
  if (type !== 'UNAUTHENTICATED') return `Redshank cannot be used: ${message}`;
  const why =
    REDSHANK_API_KEY === undefined
      ? 'REDSHANK_API_KEY is not set'
      : 'Redshank does not know the key in REDSHANK_API_KEY';
  return `${why}: set it to the admin key that Redshank printed at its first start; a cluster that was started without AUTH=on has none`;
}

try {
  await broker.start();
  // Not in `started` of the service: others learn what it listens to when that has ended, and it takes them up to a second.
  await broker.waitForServices(['ingest', 'scorer', 'alerting', 'window'], LONGEST_WAIT_MS);
  await until('word from alerting', () => isHeardByAlerting || undefined);
  await watchPump();
} catch (error) {
  // Errors of Redshank and of the framework have a type; another one is a fault of this program.
  if (error.type === undefined) throw error;
  console.error(`pump-watch: ${wordsFor(error)}`);
  process.exitCode = 1;
  await broker.stop();
}
