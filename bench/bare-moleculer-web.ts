/** A bare moleculer-web with its own JSON parser and one action that checks readings and does nothing with them. Prints its URL. */
import type { AddressInfo } from 'node:net';
import { ServiceBroker, type Context, type Service } from 'moleculer';
import ApiGateway from 'moleculer-web';
import { checkParams } from '../mixins/params.js';
import { Readings } from '../services/gateway/schemas/readings.js';

const broker = new ServiceBroker({ logger: false });
broker.createService({
  name: 'ingest',
  actions: {
    push(ctx: Context) {
      const { readings } = checkParams(Readings, ctx.params);
      return { accepted: readings.length, rejected: [], rejectedCount: 0 };
    },
  },
});
broker.createService({
  name: 'api',
  mixins: [ApiGateway],
  settings: {
    ip: '127.0.0.1',
    port: 0,
    routes: [
      {
        path: '/',
        aliases: { 'POST /v1/readings': 'ingest.push' },
        bodyParsers: { json: { limit: '16mb' } },
        logging: false,
      },
    ],
  },
});
await broker.start();
const api = broker.getLocalService('api') as unknown as Service & { server: { address(): AddressInfo } };
console.log(`http://127.0.0.1:${api.server.address().port}`);
