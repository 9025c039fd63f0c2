/**
 * The AsyncAPI 3.0 document: what can be said and heard without HTTP requests. Calls and events on the bus, for services of other
 * teams; telemetry over MQTT; the WebSocket of devices.
 */
import { Type, type TObject, type TSchema } from '@sinclair/typebox';
import { ALERT_STATUSES, SEVERITIES } from '../../models/domain/alert.js';
import { STAGES } from '../../models/stages/stage.js';
import { AlertParams, FeedbackParams, GetParams as AlertGetParams, ListParams } from '../alerting.service.js';
import { PushParams } from '../ingest.service.js';
import { GetParams as ModelGetParams } from '../model-registry.service.js';
import { packageVersion } from '../package-version.js';
import { DetectParams, DeviceParams, PredictParams, ScoresParams } from '../scorer.service.js';
import { Components, type Json } from './schema-components.js';
import { AlertChangeTold, CHANGES, VERDICTS } from './schemas/alert.js';
import { word } from './schemas/common.js';
import { Accepted, Readings } from './schemas/readings.js';
import { LiveScore } from './schemas/score.js';

/** Taken from the key of the call, whatever the caller says. */
const FROM_THE_KEY = ['tenant', 'by', 'firstIndex'];

const asked = (params: TObject, $id: string): TSchema =>
  Type.Omit(params, FROM_THE_KEY, { $id, description: 'The tenant is that of the key' });

/** What services of other teams may call; what each answers is in docs/bus.md and `services/bus-types.ts`. */
export const PUBLIC_ACTIONS: Readonly<Record<string, TSchema>> = {
  'ingest.push': asked(PushParams, 'Push'),
  'scorer.predict': asked(PredictParams, 'PredictRows'),
  'scorer.detect': asked(DetectParams, 'DetectInSeries'),
  'scorer.explain': asked(DeviceParams, 'OfDevice'),
  'scorer.scores': asked(ScoresParams, 'ScoresOfDevice'),
  'scorer.watch': Type.Object({}, { $id: 'Nothing' }),
  'window.get': asked(DeviceParams, 'OfDevice'),
  'alerting.list': asked(ListParams, 'ListAlerts'),
  'alerting.get': asked(AlertGetParams, 'OfAlert'),
  'alerting.acknowledge': asked(AlertParams, 'AlertWithNote'),
  'alerting.resolve': asked(AlertParams, 'AlertWithNote'),
  'alerting.feedback': asked(FeedbackParams, 'AlertVerdict'),
  'model-registry.list': Type.Object({}, { $id: 'Nothing' }),
  'model-registry.get': asked(ModelGetParams, 'OfModel'),
};

const UnixMs = Type.Number({ description: 'Unix ms' });

/** As it travels on the bus: times in Unix ms. */
export const BusAlert = Type.Object(
  {
    id: Type.String(),
    tenant: Type.String(),
    device: Type.String(),
    status: word(ALERT_STATUSES),
    severity: word(SEVERITIES),
    startedMs: UnixMs,
    raisedMs: UnixMs,
    lastStrangeMs: UnixMs,
    resolvedMs: Type.Optional(UnixMs),
    changedMs: UnixMs,
    peakScore: Type.Number({ minimum: 0, maximum: 1 }),
    channels: Type.Array(Type.Object({ channel: Type.String(), contribution: Type.Number() })),
    reasons: Type.Array(Type.String()),
    profile: Type.String(),
    model: Type.String(),
    feedback: Type.Optional(word(VERDICTS)),
    history: Type.Array(
      Type.Object({
        atMs: UnixMs,
        change: word(CHANGES),
        by: Type.Optional(Type.String()),
        note: Type.Optional(Type.String()),
      }),
    ),
  },
  { $id: 'BusAlert' },
);

/** Events and their payloads. */
export const PUBLIC_EVENTS: Readonly<Record<string, TSchema>> = {
  ...Object.fromEntries(
    CHANGES.map((change) => [`alert.${change}`, Type.Object({ alert: BusAlert }, { $id: 'AlertChanged' })]),
  ),
  'device.forgotten': Type.Object({ tenant: Type.String(), device: Type.String() }, { $id: 'DeviceForgotten' }),
  'score.computed': Type.Object(
    { tenant: Type.String(), rows: Type.Array(LiveScore) },
    { $id: 'ScoresComputed', description: 'Only while somebody calls `scorer.watch`' },
  ),
  'stage.progress': Type.Object(
    {
      stage: word(STAGES),
      node: Type.String(),
      partitions: Type.Array(Type.Tuple([Type.Integer(), Type.Integer(), Type.Integer()]), {
        description: 'Partition, position, lag in chunks',
      }),
    },
    { $id: 'StageProgress' },
  ),
};

const Measured = Type.Record(Type.String(), Type.Union([Type.Number(), Type.Null()]));
const TimedValues = Type.Object({
  ts: Type.Optional(Type.Union([Type.String({ format: 'date-time' }), Type.Number({ description: 'Unix ms' })])),
  values: Measured,
});
const Telemetry = Type.Union([Measured, TimedValues, Type.Array(Type.Union([Measured, TimedValues]))], {
  $id: 'Telemetry',
  description: 'Without `ts` it was measured when the server took it',
});

const SocketMessage = Type.Composite(
  [Type.Object({ id: Type.Optional(Type.Union([Type.String(), Type.Number()])) }), Readings],
  { $id: 'SocketMessage' },
);

const SocketEvent = Type.Object(
  {
    id: Type.String({ description: 'Give it as `after` to go on behind it' }),
    event: word(['score', 'alert', 'forgotten', 'missed']),
    data: Type.Union([LiveScore, AlertChangeTold, Type.Object({ device: Type.Optional(Type.String()) })]),
  },
  { $id: 'SocketEvent' },
);

export function asyncApiDocument(): Json {
  const components = new Components();
  const channels: Record<string, Json> = {};
  const operations: Record<string, Json> = {};

  const add = (
    name: string,
    channel: { readonly address: string; readonly servers: readonly string[]; readonly parameters?: readonly string[] },
    action: 'send' | 'receive',
    messages: Readonly<Record<string, { readonly payload?: Json; readonly contentType?: string }>>,
    description: string,
  ): void => {
    const { address, servers, parameters = [] } = channel;
    channels[name] = {
      address,
      servers: servers.map((server) => ({ $ref: `#/servers/${server}` })),
      ...(parameters.length > 0 && { parameters: Object.fromEntries(parameters.map((one) => [one, {}])) }),
      messages,
    };
    operations[name] = { action, channel: { $ref: `#/channels/${name}` }, description };
  };

  // The application is Redshank: it receives what others send.
  for (const [action, params] of Object.entries(PUBLIC_ACTIONS)) {
    const message = { [`${action}.params`]: { payload: components.of(params), contentType: 'application/json' } };
    add(action, { address: action, servers: ['nats'] }, 'receive', message, `A call of the Moleculer action ${action}`);
  }
  for (const [event, payload] of Object.entries(PUBLIC_EVENTS)) {
    const message = { [event]: { payload: components.of(payload), contentType: 'application/json' } };
    add(event, { address: event, servers: ['nats'] }, 'send', message, 'At most once: for looking, not for deciding');
  }
  add(
    'telemetry',
    { address: 'iot/{tenant}/{device}/telemetry', servers: ['mqtt'], parameters: ['tenant', 'device'] },
    'receive',
    { telemetry: { payload: components.of(Telemetry), contentType: 'application/json' } },
    'With QoS 1 what was acknowledged is scored exactly once',
  );
  for (const [name, address, parameters] of [
    ['sparkplug-node', 'spBv1.0/{group}/{type}/{node}', ['group', 'type', 'node']],
    ['sparkplug-device', 'spBv1.0/{group}/{type}/{node}/{device}', ['group', 'type', 'node', 'device']],
  ] as const) {
    const message = { payload: { contentType: 'application/x-protobuf' } };
    add(name, { address, servers: ['mqtt'], parameters }, 'receive', message, 'Sparkplug B: births, data and deaths');
  }
  add(
    'socket',
    { address: '/v1/readings/socket', servers: ['gateway'] },
    'receive',
    { readings: { payload: components.of(SocketMessage), contentType: 'application/json' } },
    'Each message is answered in order, with its `id`',
  );
  add(
    'socket-answers',
    { address: '/v1/readings/socket', servers: ['gateway'] },
    'send',
    { accepted: { payload: components.of(Accepted), contentType: 'application/json' } },
    'The readings are on disk; or `{"id","error"}`',
  );

  add(
    'events-socket',
    { address: '/v1/events/socket', servers: ['gateway'] },
    'send',
    { happening: { payload: components.of(SocketEvent), contentType: 'application/json' } },
    'The same as GET /v1/events: `device`, `alerts` and `after` may stand in the query',
  );

  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Redshank',
      version: packageVersion(),
      description: 'What can be said and heard without HTTP requests. Those are in `/openapi.json`.',
      license: { name: 'Apache-2.0' },
    },
    defaultContentType: 'application/json',
    servers: {
      nats: {
        host: 'nats:4222',
        protocol: 'nats',
        description: 'The bus: Moleculer 0.15 over NATS. Calls carry an API key as `meta.apiKey`; see docs/bus.md',
      },
      mqtt: {
        host: 'nats:1883',
        protocol: 'mqtt',
        protocolVersion: '3.1.1',
        description: 'The listener of nats-server',
      },
      gateway: { host: 'gateway:8080', protocol: 'ws', description: 'The key as a header, or among the protocols' },
    },
    channels,
    operations,
    components: { schemas: components.all() },
  };
}
