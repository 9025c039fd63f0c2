/** Prometheus metrics on a port of their own, so that scraping needs no key and can be kept off the public network. */
import { createServer, type Server } from 'node:http';
import type { Registry } from 'prom-client';
import { listen } from './listen.js';
import { HttpProblemError, toProblem } from './problem.js';
import { send, sendProblem } from './respond.js';

/** @throws SettingInvalidError when the port is taken. */
export async function startMetricsServer(registry: Registry, host: string, port: number): Promise<Server> {
  const server = createServer((request, response) => {
    if (request.url !== '/metrics') {
      const problem = new HttpProblemError(404, 'Not found', 'this port answers GET /metrics alone');
      sendProblem(request, response, toProblem(problem, undefined));
      return;
    }
    registry.metrics().then(
      (text) => send(response, 200, registry.contentType, text),
      (error: unknown) => sendProblem(request, response, toProblem(error, undefined)),
    );
  });
  server.requestTimeout = 10_000;
  server.headersTimeout = 5_000;
  await listen(server, host, port, 'METRICS_PORT');
  return server;
}
