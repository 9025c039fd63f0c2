/** A bare Fastify that parses and checks readings and does nothing with them: the yardstick of the gateway. Prints its URL. */
import fastify from 'fastify';
import { Readings } from '../services/gateway/schemas/readings.js';

const app = fastify({ bodyLimit: 16 * 1_048_576 });
app.post('/v1/readings', { schema: { body: JSON.parse(JSON.stringify(Readings)) as object } }, (request, reply) => {
  const { readings } = request.body as { readings: readonly unknown[] };
  void reply.code(202).send({ accepted: readings.length, rejected: [], rejectedCount: 0 });
});
console.log(await app.listen({ host: '127.0.0.1', port: 0 }));
