/**
 * What every process answers on its own port, whichever services it runs: `/metrics`, `/health`, `/ready`. Without a key, so
 * that it can be kept off the public network.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Registry } from 'prom-client';
import { listen } from './gateway/listen.js';
import { HttpProblemError, toProblem } from './gateway/problem.js';
import { send, sendJson, sendProblem } from './gateway/respond.js';

export interface OperationsOptions {
  /** undefined: no metrics are served, only probes. */
  readonly registry: Registry | undefined;
  /** Why this process cannot do its job now; undefined when it can. */
  readonly whyNotReady: () => Promise<string | undefined>;
  readonly host: string;
  readonly port: number;
}

/** @throws SettingInvalidError when the port is taken. */
export async function startOperationsServer(options: OperationsOptions): Promise<Server> {
  const server = createServer((request, response) => {
    answer(options, request, response).catch((error: unknown) => {
      sendProblem(request, response, toProblem(error, undefined));
    });
  });
  server.requestTimeout = 10_000;
  server.headersTimeout = 5_000;
  await listen(server, options.host, options.port, 'METRICS_PORT');
  return server;
}

async function answer(
  { registry, whyNotReady }: OperationsOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  switch (request.url?.split('?')[0]) {
    case '/metrics':
      if (registry === undefined) throw new HttpProblemError(404, 'Not found', 'performance.metrics_enabled is off');
      send(response, 200, registry.contentType, await registry.metrics());
      return;
    case '/health':
      sendJson(response, 200, { status: 'ok' });
      return;
    case '/ready': {
      const reason = await whyNotReady();
      if (reason !== undefined) throw notReady(reason);
      sendJson(response, 200, { status: 'ready' });
      return;
    }
    default:
      throw new HttpProblemError(404, 'Not found', 'this port answers GET /metrics, /health and /ready');
  }
}

export function notReady(reason: string): HttpProblemError {
  return new HttpProblemError(503, 'Not ready', reason, { 'Retry-After': '1' });
}
