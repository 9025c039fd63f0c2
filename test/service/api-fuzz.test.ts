import assert from 'node:assert/strict';
import { Agent, request as httpRequest } from 'node:http';
import { SeededRandom } from '../../models/simulator/random.js';
import { ApiDocument, type Answer, type Operation } from '../support/api-document.js';
import { RedshankProcess } from '../support/redshank-process.js';
import { SchemaFuzz } from '../support/schema-fuzz.js';
import { temporaryFolder } from '../support/temporary-folder.js';

/** `FUZZ_REQUESTS=10000 npm run test:fuzz` asks more. */
const REQUESTS = Number(process.env.FUZZ_REQUESTS ?? 2_000);
const SEED = Number(process.env.FUZZ_SEED ?? Math.floor(Math.random() * 1e9));
const IDS = [
  'pump-7',
  'standard',
  'admin',
  'champion',
  'AAAAAAAAAAAAAAAAAAAAAA',
  'a%2Fb',
  '%E2%80%AE',
  '*',
  '%00',
  '%',
  '..',
];
const INSIDE = [/\n\s+at /, /node_modules/, /\/work\//, /\.ts:\d/, /"nodeID"/i, /moleculer/i, /\bEACCES|ENOENT\b/];
/** Announced: too much waits, or a part is away. */
const OVERLOAD = new Set([503, 504]);

describe('every operation of the document', function () {
  this.timeout(600_000);
  const folder = temporaryFolder();
  const agent = new Agent({ keepAlive: true });
  let redshank: RedshankProcess;
  let document: ApiDocument;
  beforeEach(async () => {
    redshank = await RedshankProcess.start({ dataDir: folder(), env: { MAX_WORKERS: '1', LOG_LEVEL: 'error' } });
    document = await ApiDocument.fetch(redshank.url);
  });
  afterEach(async () => {
    agent.destroy();
    await redshank.stop();
  });

  it(`answers ${REQUESTS} requests, good and bad, as it says (seed ${SEED})`, async () => {
    const fuzz = new SchemaFuzz(new SeededRandom(SEED), document);
    const statuses = new Map<string, number>();
    for (let i = 0; i < REQUESTS; i++) {
      const operation = document.operations[i % document.operations.length]!;
      const asked = requestFor(operation, fuzz, fuzz.chance(0.4));
      const answer = await send(operation, asked);
      if (answer === undefined) continue;
      const named = `${operation.method} ${asked.target} ${JSON.stringify(asked.headers)} ${String(asked.body).slice(0, 500)}`;
      const isServerFault = answer.status >= 500 && !OVERLOAD.has(answer.status);
      assert.ok(!isServerFault, `${named}\n→ ${answer.status} ${answer.text}\n${redshank.output.slice(-2_000)}`);
      assert.equal(
        document.faultOf(operation, answer),
        undefined,
        `${named}\n→ ${answer.status} ${answer.text.slice(0, 500)}`,
      );
      // The document of the bus names what the bus is.
      const text = operation.path === '/asyncapi.json' ? answer.text.replaceAll('Moleculer', '') : answer.text;
      for (const inside of INSIDE) assert.doesNotMatch(text, inside, named);
      const group = `${operation.method} ${operation.path} ${Math.floor(answer.status / 100)}`;
      statuses.set(group, (statuses.get(group) ?? 0) + 1);
    }
    // A run in which everything is refused would prove nothing.
    const good = document.operations.filter(({ method, path }) => (statuses.get(`${method} ${path} 2`) ?? 0) > 0);
    assert.ok(
      good.length >= document.operations.length / 3,
      `${good.length} of ${document.operations.length} ever succeed`,
    );
    assert.equal((await fetch(`${redshank.url}/ready`)).status, 200);
  });

  interface Asked {
    readonly target: string;
    readonly headers: Record<string, string>;
    readonly body: string | undefined;
  }

  function requestFor(operation: Operation, fuzz: SchemaFuzz, isGood: boolean): Asked {
    const path = operation.path.replaceAll(/\{\w+\}/g, () => (isGood ? fuzz.pick(IDS.slice(0, 5)) : fuzz.pick(IDS)));
    const query = operation.parameters
      .filter((parameter) => parameter.in === 'query' && fuzz.chance(isGood ? 0.3 : 0.6))
      .map(({ name, schema }) => `${name}=${encode(isGood || fuzz.chance(0.5) ? fuzz.value(schema) : fuzz.nasty())}`);
    if (!isGood && fuzz.chance(0.1)) query.push(fuzz.pick(['x=1', 'limit=1&limit=2', '%', '__proto__=1', '']));
    const headers: Record<string, string> = {};
    const [mediaType, content] = Object.entries(operation.requestBody?.content ?? {})[0] ?? [];
    let body: string | undefined;
    if (mediaType !== undefined) {
      headers['Content-Type'] =
        isGood || fuzz.chance(0.9) ? mediaType : fuzz.pick(['text/plain', 'application/xml', 'x']);
      const value = fuzz.value(content!.schema);
      body = mediaType === 'application/json' ? JSON.stringify(isGood ? value : fuzz.mutated(value)) : String(value);
      if (!isGood && fuzz.chance(0.05)) body = body.slice(0, body.length / 2);
      if (!isGood && fuzz.chance(0.03)) headers['Content-Encoding'] = fuzz.pick(['gzip', 'br', 'x']);
    }
    if (!isGood && fuzz.chance(0.05)) headers['Idempotency-Key'] = fuzz.pick(['k', 'x'.repeat(300)]);
    return { target: path + (query.length > 0 ? `?${query.join('&')}` : ''), headers, body };
  }

  function send({ method, path }: Operation, { target, headers, body }: Asked): Promise<Answer | undefined> {
    return new Promise((resolve, reject) => {
      // Not as a URL, which would be tidied up.
      const { hostname, port } = new URL(redshank.url);
      const asked = httpRequest({ hostname, port, path: target, method, headers, agent }, (response) => {
        const { statusCode: status = 0 } = response;
        const mediaType = (response.headers['content-type'] ?? '').split(';')[0]!;
        if (OVERLOAD.has(status) && response.headers['retry-after'] === undefined) {
          reject(new Error(`${method} ${target}: ${status} without Retry-After`));
        }
        // A stream of events has no end.
        if (path === '/v1/events' && status === 200) {
          response.destroy();
          resolve(undefined);
          return;
        }
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => resolve({ status, mediaType, text: Buffer.concat(chunks).toString() }));
      });
      asked.on('error', reject);
      asked.end(body);
    });
  }

  const encode = (value: unknown): string =>
    encodeURIComponent(typeof value === 'string' ? value : JSON.stringify(value)).slice(0, 2_000);
});
