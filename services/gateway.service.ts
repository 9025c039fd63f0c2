/** HTTP for people and devices: checks who asks, translates, and shows the live page. Holds no state that matters. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { Server as HttpsServer } from 'node:https';
import type { Context, Service, ServiceBroker, ServiceSchema, ServiceSettingSchema } from 'moleculer';
import ApiGateway from 'moleculer-web';
import { action, ASK } from '../mixins/bus/action-policy.js';
import { actFor } from '../mixins/bus/caller.js';
import { RecurringFault } from '../mixins/recurring-fault.js';
import { ClockWatch } from '../mixins/routing/clock-watch.js';
import { liveNodes } from '../mixins/routing/live-nodes.js';
import type { Alert } from '../models/domain/alert.js';
import type { ScoreView } from '../models/domain/score-view.js';
import { UnauthenticatedError } from '../models/errors.js';
import { SERVICE_NAMES } from '../models/settings.js';
import { parseTraceparent } from '../models/tracing/traceparent.js';
import { accessRoutes } from './gateway/access-routes.js';
import { alertRoutes } from './gateway/alert-routes.js';
import { AppendQueue } from './gateway/append-queue.js';
import { byKey, byLoopback, type Authenticate } from './gateway/authenticate.js';
import { BodyReader, ClientGoneError } from './gateway/body.js';
import { answerCrossOrigin } from './gateway/cross-origin.js';
import { deviceRoutes } from './gateway/device-routes.js';
import { EventHub } from './gateway/event-hub.js';
import { EVENTS_PATH, eventRoutes } from './gateway/event-routes.js';
import { foreignRoutes } from './gateway/foreign-routes.js';
import { gatewayMetrics } from './gateway/gateway-metrics.js';
import { healthRoutes } from './gateway/health-routes.js';
import { clusterRoutes } from './gateway/cluster-routes.js';
import { createHttpServer } from './gateway/http-server.js';
import { close, listen, urlOf } from './gateway/listen.js';
import { modelRoutes } from './gateway/model-routes.js';
import { LoadShedder } from './gateway/load-shedder.js';
import { documentRoutes } from './gateway/document-route.js';
import { pageRoutes } from './gateway/page-routes.js';
import { PredictionJobs } from './gateway/prediction-jobs.js';
import { predictRoutes } from './gateway/predict-routes.js';
import { HttpProblemError, toProblem } from './gateway/problem.js';
import { RateLimit } from './gateway/rate-limit.js';
import { MAX_SOCKET_MESSAGE_BYTES, readingSocket } from './gateway/reading-socket.js';
import { eventSocket } from './gateway/event-socket.js';
import { Sockets, stillMay } from './gateway/sockets.js';
import { READINGS_PATH, readingRoutes, readingTaker } from './gateway/reading-routes.js';
import { sendProblem } from './gateway/respond.js';
import { seriesRoutes } from './gateway/series-routes.js';
import { failIf, handlerFor, isTimeout, methodNotAllowed, type RouteDefinition } from './gateway/route.js';
import { setSecurityHeaders } from './gateway/security-headers.js';
import { readCertificate, watchCertificate } from './gateway/tls-files.js';
import { silenceRoutes } from './gateway/silence-routes.js';
import { alertView } from './gateway/views.js';
import type { WebAlias, WebRequest } from './gateway/web-request.js';
import type { NodeContext } from './node-context.js';
import { adminKeyLine } from './security/admin-key-line.js';
import { ApiKeys } from './security/api-keys.js';
import { AuditLog } from './security/audit-log.js';
import { tokenVerifier } from './security/json-web-tokens.js';
import { keyStoreOf } from './security/key-store-of.js';
import { KeyUse } from './security/key-use.js';

/** Payload of the event `score.computed`. */
export interface ScoresComputed {
  readonly tenant: string;
  readonly rows: readonly (ScoreView & { readonly device: string })[];
}

/** Payload of the events `alert.raised`, `alert.escalated`, … */
export interface AlertChanged {
  readonly alert: Alert;
}

/** Payload of the event `device.forgotten`: nothing of the device is known any more. */
export interface DeviceForgotten {
  readonly tenant: string;
  readonly device: string;
}

/** Where the gateway is bound; the port is the real one where the settings say 0. Answer of the action `gateway.address`. */
export interface GatewayAddress {
  readonly url: string;
}

/** What moleculer-web adds to a service, as far as we call it. */
interface WebService extends Service {
  readonly aliases: readonly WebAlias[];
  httpHandler(request: IncomingMessage, response: ServerResponse): Promise<void>;
}

/** Longest that answers may still take once the service stops, in ms. */
const CLOSE_GRACE_MS = 5_000;
/** Named to the metrics as if it had come through the router. */
const READINGS_ALIAS = { method: 'POST', path: READINGS_PATH.slice(1), match: () => ({}) };
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/**
 * @param announce prints the admin key that is made when there is none; it is shown nowhere else. Default: on stderr, beside the log.
 * @param closeGraceMs longest that answers may still take once the service stops.
 */
export function gatewayService(
  node: NodeContext,
  announce: (line: string) => void = (line) => process.stderr.write(`${line}\n`),
  closeGraceMs = CLOSE_GRACE_MS,
): ServiceSchema {
  const { settings, storage, clock, logger, tracer } = node;
  const metrics = gatewayMetrics(node.metrics.registry);
  const bodies = new BodyReader(settings);
  let tellWatched: () => void = () => undefined;
  let broker: ServiceBroker;
  const hub = new EventHub(metrics, () => tellWatched());
  const audit = new AuditLog(storage.journal, settings.auditDays, (error) => {
    logger.warn({ err: error }, 'old entries of the audit log could not be forgotten');
  });
  const keyUse = new KeyUse(storage.readSide, (error) => {
    logger.debug({ err: error }, 'it was not noted when a key was used');
  });
  let keys: ApiKeys | undefined;
  const appends = new AppendQueue(async (tenant, batch, traceparent) => {
    failIf(busOutage());
    const params = { tenant, batch: Buffer.from(batch.encode()).toString('base64') };
    const context = broker.ContextFactory.create(broker);
    // Of several people, but of one tenant: the call may speak of no other.
    actFor(context, { kind: 'key', name: 'gateway', tenant, role: 'writer' });
    const headers = traceparent === undefined ? {} : { headers: { traceparent } };
    try {
      await context.call('ingest.append', params, { timeout: settings.requestTimeoutMs, ...headers });
    } catch (error) {
      // It left just before the bus broke: that no answer came is not the fault of who should have given it.
      if (isTimeout(error)) failIf(busOutage(), error);
      throw error;
    }
  });
  const jobs = new PredictionJobs({
    readSide: storage.readSide,
    clock,
    ttlMs: 1_000 * settings.jobTtlSec,
    logger,
    running: metrics.jobs,
    call: (action, params) => broker.call(action, params),
  });
  const take = readingTaker(node, metrics);
  const mayStillRead = (request: IncomingMessage): Promise<boolean> => stillMay(door(), request, 'read');
  const routes: RouteDefinition[] = [
    ...readingRoutes(node, bodies, take),
    ...foreignRoutes(node, bodies),
    ...deviceRoutes(node),
    ...alertRoutes(node),
    ...silenceRoutes(node),
    ...eventRoutes(hub, mayStillRead),
    ...predictRoutes(node, metrics, jobs),
    ...seriesRoutes(),
    ...modelRoutes(bodies, node.storage.models),
    ...clusterRoutes(node, () => broker),
    ...accessRoutes(node, () => keys, keyUse, audit),
    ...healthRoutes(node),
    ...pageRoutes(),
  ];
  routes.push(...documentRoutes(routes));
  let authenticate: Authenticate = () => {
    throw new UnauthenticatedError('the gateway is starting');
  };
  // Without the log no other process can be reached either; a call would only wait for its timeout.
  const busOutage = () => (storage.mode === 'cluster' ? storage.outage() : undefined);
  const shedder = new LoadShedder({ mostRunning: settings.maxRunningRequests, nowMs: clock.monotonicMs });
  const rateLimit = new RateLimit(settings, storage.limiter);
  const door = () => ({
    authenticate,
    rateLimit,
    bodies,
    audit,
    refuseIfOverloaded: () => shedder.check(runningAnswers),
    appends,
    newContext: () => broker.ContextFactory.create(broker),
    trustedProxies: settings.trustedProxies,
    clock,
    requestTimeoutMs: settings.requestTimeoutMs,
    tracer,
    busOutage,
  });
  const takeReadings = handlerFor(
    routes.find(({ path }) => path === READINGS_PATH)!,
    door,
  );
  const readings = readingSocket({
    door,
    maxMessageBytes: Math.min(MAX_SOCKET_MESSAGE_BYTES, settings.maxBodyBytes),
    take: (exchange, body) => take(exchange, 'application/json', body),
    counted: (count) => metrics.sockets.set(count),
  });
  const sockets = new Sockets(door, [readings, eventSocket(hub, mayStillRead)]);
  const notAsked = new RecurringFault(logger, 'warn', 'clocks of other processes are not known', clock.monotonicMs);
  let clocks: ClockWatch | undefined;
  const servers: Server[] = [];
  let stopWatching: () => void = () => undefined;
  let runningAnswers = 0;
  let address: GatewayAddress | undefined;

  async function openKeys(): Promise<Authenticate> {
    if (settings.auth === 'off') return byLoopback;
    keys = await ApiKeys.open(keyStoreOf(node), clock, (error) => {
      logger.warn({ err: error }, 'keys could not be read again; those that are known stay good');
    });
    const first = await keys.createFirst('admin');
    if (first !== undefined) announce(adminKeyLine(first));
    return byKey(keys, tokenVerifier(settings), ({ tenant, name }) => keyUse.note(tenant, name, clock.wallMs()));
  }

  /** Counts the request when its answer has ended. Labels come from our route table, never from the request. */
  function measure(request: IncomingMessage, response: ServerResponse): void {
    const startMs = clock.monotonicMs();
    runningAnswers++;
    response.once('close', () => {
      runningAnswers--;
      const route = (request as WebRequest).$alias?.path ?? 'unrouted';
      const method = METHODS.has(request.method ?? '') ? request.method! : 'other';
      const status = response.headersSent ? String(response.statusCode) : 'aborted';
      metrics.requests.inc({ method, route: `/${route}`, status });
      if (`/${route}` !== EVENTS_PATH)
        metrics.seconds.observe({ method, route: `/${route}` }, (clock.monotonicMs() - startMs) / 1000);
    });
  }

  const webSettings: ServiceSettingSchema & Record<string, unknown> = {
    // The server is ours (`gateway/http-server.ts`): moleculer-web's own has no limits, and a taken port exits the process.
    server: false,
    logRouteRegistration: null,
    // `runningAnswers` and the grace of `stopped` wait for requests. The framework's tracking would wait before them, without
    // a grace: one client that sends or reads slowly, or an event stream, would hold up every stop until it fails.
    rootCallOptions: { tracking: false },
    routes: [
      {
        path: '/',
        aliases: Object.fromEntries(routes.map((route) => [`${route.method} ${route.path}`, handlerFor(route, door)])),
        bodyParsers: false,
        mergeParams: false,
        mappingPolicy: 'restrict',
        // As in the documents: a second spelling of a route would be a second name in logs and firewalls.
        pathToRegexpOptions: { sensitive: true },
        logging: false,
      },
    ],
    onError(this: WebService, request: WebRequest, response: ServerResponse, error: unknown) {
      answerError(this, request, response, error);
    },
  };

  return {
    name: 'gateway',
    mixins: [ApiGateway],
    settings: webSettings,
    actions: {
      address: action(ASK, (): GatewayAddress | undefined => address),
      // Nobody on the bus changes or lists our routes.
      listAliases: false,
      addRoute: false,
      removeRoute: false,
    },
    events: {
      'score.computed'(ctx: Context<ScoresComputed>) {
        const { tenant, rows } = ctx.params;
        hub.tell(
          'score',
          tenant,
          rows.map((row) => ({ device: row.device, data: () => row })),
        );
      },
      'device.forgotten'(ctx: Context<DeviceForgotten>) {
        const { tenant, device } = ctx.params;
        hub.forget(tenant, device);
      },
      'alert.*'(ctx: Context<AlertChanged>) {
        const { alert } = ctx.params;
        const change = ctx.eventName?.slice('alert.'.length);
        hub.tell('alert', alert.tenant, [{ device: alert.device, data: () => ({ change, alert: alertView(alert) }) }]);
      },
    },
    methods: {
      /** Unlike the original: what clients do wrong is not an error of ours, and what they send stays out of the log. */
      errorHandler(this: WebService, request: WebRequest, response: ServerResponse, error: unknown) {
        answerError(this, request, response, error);
      },
      /** Unlike the original: no nested objects, no lists, nothing but text. */
      parseQueryString(request: IncomingMessage) {
        const target = request.url ?? '/';
        const mark = target.indexOf('?');
        return {
          url: mark === -1 ? target : target.slice(0, mark),
          query: new URLSearchParams(mark === -1 ? '' : target.slice(mark + 1)),
        };
      },
      /** Unlike the original: HEAD is answered as GET. Node leaves the body out. */
      resolveAlias(this: WebService, url: string, method: string | undefined) {
        const wanted = method === undefined || method === 'HEAD' ? 'GET' : method;
        for (const alias of this.aliases) {
          const params = alias.method === wanted && alias.match(url);
          if (params) return { alias, params };
        }
        return false;
      },
    },
    created(this: Service) {
      broker = this.broker;
      clocks = new ClockWatch(
        broker,
        () => [...new Set(SERVICE_NAMES.flatMap((name) => liveNodes(broker, name)))],
        node.metrics.registry,
        (error) => notAsked.happened(error),
      );
      // Live scores are made only while somebody watches.
      tellWatched = () => {
        this.broker.broadcast('live.watched').catch((error: unknown) => {
          logger.warn({ err: error }, 'nobody was told that somebody watches');
        });
      };
    },
    async started(this: Service) {
      const web = this as WebService;
      authenticate = await openKeys();
      shedder.start();
      const { tlsCert, tlsKey, corsOrigins } = settings;
      const tls = tlsCert === undefined || tlsKey === undefined ? undefined : { cert: tlsCert, key: tlsKey };
      const server = createHttpServer(
        settings.requestTimeoutMs,
        bodies,
        (request, response) => {
          measure(request, response);
          setSecurityHeaders(response, tls !== undefined);
          if (answerCrossOrigin(corsOrigins, request, response)) return;
          if (!takeStraight(web, request as WebRequest, response)) void web.httpHandler(request, response);
        },
        tls && readCertificate(tls),
      );
      servers.push(server);
      sockets.attach(server);
      if (tls !== undefined && server instanceof HttpsServer) {
        stopWatching = watchCertificate(
          tls,
          (certificate) => server.setSecureContext(certificate),
          (error) => logger.error({ err: error }, 'the new certificate is no good; the old one is used on'),
        );
      }
      await listen(server, settings.host, settings.port, 'PORT');
      address = { url: urlOf(server) };
      clocks?.start();
      logger.info({ ...address, auth: settings.auth }, 'gateway is listening');
    },
    async stopped() {
      stopWatching();
      shedder.stop();
      clocks?.stop();
      hub.close();
      sockets.close();
      jobs.stop();
      await Promise.all(servers.map((server) => close(server, closeGraceMs, () => runningAnswers === 0)));
    },
  };

  /**
   * The way that most requests take goes past the framework's router, which costs more than all that is done for one reading.
   *
   * @returns false: it is not for this way
   */
  function takeStraight(service: WebService, request: WebRequest, response: ServerResponse): boolean {
    const target = request.url ?? '';
    const mark = target.indexOf('?');
    const path = mark === -1 ? target : target.slice(0, mark);
    if (request.method !== 'POST' || path !== READINGS_PATH) return false;
    const query = new URLSearchParams(mark === -1 ? '' : target.slice(mark + 1));
    const routed = Object.assign(request, { $params: { params: {}, query }, $alias: READINGS_ALIAS });
    takeReadings(routed, response, (error) => answerError(service, routed, response, error));
    return true;
  }

  function answerError(service: WebService, request: WebRequest, response: ServerResponse, error: unknown): void {
    if (error instanceof ClientGoneError) {
      response.destroy();
      return;
    }
    const isUnrouted = request.$alias === undefined;
    const cause = isUnrouted ? unroutedError(service, request, error) : error;
    const requestId = request.headers['x-request-id'] as string;
    const problem = toProblem(cause, `urn:redshank:request:${requestId}`);
    // A 503 is an answer that the system gives by design (not ready, overloaded); metrics count it.
    const level = problem.status >= 500 && problem.status !== 503 ? 'error' : 'debug';
    // Also where it is not recorded: the client's own log has the id.
    const traceId = request.traceId ?? parseTraceparent(request.headers['traceparent'])?.traceId;
    logger[level]({ err: error, requestId, status: problem.status, ...(traceId && { traceId }) }, 'request failed');
    sendProblem(request, response, problem);
  }
}

/** A path that no route has, or that none has for this method. */
function unroutedError(service: WebService, request: WebRequest, error: unknown): unknown {
  if ((error as { code?: unknown }).code !== 404) return error;
  const url = request.parsedUrl ?? '/';
  let allowed: readonly string[];
  try {
    allowed = service.aliases.filter((alias) => alias.match(url) !== false).map((alias) => alias.method);
  } catch (undecodable) {
    return undecodable;
  }
  return allowed.length > 0
    ? methodNotAllowed([...new Set(allowed)])
    : new HttpProblemError(404, 'Not found', 'there is no such route; /docs lists them');
}
