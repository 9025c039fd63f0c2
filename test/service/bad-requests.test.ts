/** Requests that are wrong as bytes: each row is what is sent, and what comes back before the connection ends. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { startGatewayNode, type GatewayNode } from '../support/gateway-node.js';

const READINGS = JSON.stringify({ readings: [{ device: 'smuggled', ts: 0, values: { t: 1 } }] });
/** A whole request, as it would stand hidden in the body of another. */
const HIDDEN = `POST /v1/readings HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${READINGS.length}\r\n\r\n${READINGS}`;
const post = (headers: string, body = ''): string =>
  `POST /v1/readings HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n${headers}\r\n\r\n${body}`;
const get = (headers: string): string => `GET /health HTTP/1.1\r\nHost: x\r\n${headers}\r\n\r\n`;

interface Row {
  readonly name: string;
  readonly bytes: string;
  /** Of each answer, in order. */
  readonly status: readonly number[];
}

const ROWS: readonly Row[] = [
  // Pairs of proxies that read a request differently (RFC 9112, 6.3 and 11.2)
  {
    name: 'a length and chunks',
    bytes: post(`Content-Length: 5\r\nTransfer-Encoding: chunked`, `0\r\n\r\n${HIDDEN}`),
    status: [400],
  },
  {
    name: 'chunks and a length',
    bytes: post(`Transfer-Encoding: chunked\r\nContent-Length: 5`, `0\r\n\r\n${HIDDEN}`),
    status: [400],
  },
  { name: 'two lengths', bytes: post('Content-Length: 0\r\nContent-Length: 44', HIDDEN), status: [400] },
  { name: 'a list of lengths', bytes: post('Content-Length: 0, 44', HIDDEN), status: [400] },
  { name: 'a signed length', bytes: post('Content-Length: +5', HIDDEN), status: [400] },
  { name: 'a space before the colon', bytes: post('Transfer-Encoding : chunked', `0\r\n\r\n${HIDDEN}`), status: [400] },
  { name: 'chunks of another name', bytes: post('Transfer-Encoding: xchunked', HIDDEN), status: [400] },
  { name: 'chunks that are not last', bytes: post('Transfer-Encoding: chunked, gzip', HIDDEN), status: [400] },
  { name: 'a folded header', bytes: post('Transfer-Encoding:\r\n chunked', `0\r\n\r\n${HIDDEN}`), status: [400] },
  { name: 'a chunk size of letters', bytes: post('Transfer-Encoding: chunked', 'zz\r\n'), status: [400] },
  {
    name: 'a chunk size beyond all bounds',
    bytes: post('Transfer-Encoding: chunked', `${'f'.repeat(17)}\r\n`),
    status: [400],
  },
  { name: 'a line that ends without CR', bytes: get('X: 1\nTransfer-Encoding: chunked'), status: [400] },
  { name: 'a NUL in a header', bytes: get('X: a\0b'), status: [400] },
  { name: 'a CR in a header', bytes: get('X: a\rb'), status: [400] },
  // Floods
  { name: 'a header of 20 KB', bytes: get(`X: ${'a'.repeat(20_000)}`), status: [431] },
  {
    name: '2,000 headers',
    bytes: get(Array.from({ length: 2_000 }, (_, i) => `X-${i}: 1`).join('\r\n')),
    status: [431],
  },
  { name: 'a target of 20 KB', bytes: `GET /${'a'.repeat(20_000)} HTTP/1.1\r\nHost: x\r\n\r\n`, status: [431] },
  // Not HTTP/1.1
  { name: 'a method that nobody knows', bytes: 'BREW /health HTTP/1.1\r\nHost: x\r\n\r\n', status: [400] },
  { name: 'HTTP/2 by prior knowledge', bytes: 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', status: [400] },
  { name: 'TLS to a plain port', bytes: '\x16\x03\x01\x02\x00\x01\x00', status: [400] },
  { name: 'no Host', bytes: 'GET /health HTTP/1.1\r\n\r\n', status: [400] },
  // What is right, for comparison: requests one after the other, each with its answer
  { name: 'two requests at once', bytes: get('X: 1') + get('Connection: close'), status: [200, 200] },
];

describe('requests that are wrong as bytes', function () {
  this.timeout(30_000);
  let node: GatewayNode;
  before(async () => {
    node = await startGatewayNode({ requestTimeoutMs: 2_000 });
  });
  after(() => node.stop());

  /** All that comes back until the server ends the connection, or until `until` is in it. */
  function exchange(bytes: string, drip = false): Promise<string> {
    return new Promise((resolve, reject) => {
      const { port, hostname } = new URL(node.url);
      const socket = connect(Number(port), hostname);
      let answer = '';
      let timer: NodeJS.Timeout | undefined;
      socket.setTimeout(20_000, () => socket.destroy(new Error(`no end: ${answer}`)));
      socket.on('data', (chunk) => (answer += chunk.toString('latin1')));
      socket.on('error', (error: NodeJS.ErrnoException) =>
        ['ECONNRESET', 'EPIPE'].includes(error.code ?? '') ? undefined : reject(error),
      );
      socket.on('close', () => {
        clearInterval(timer);
        resolve(answer);
      });
      if (!drip) socket.write(Buffer.from(bytes, 'latin1'));
      else {
        let at = 0;
        timer = setInterval(() => socket.write(bytes[at++ % bytes.length]!), 50);
      }
    });
  }

  const statusesOf = (answer: string): number[] =>
    [...answer.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status));

  for (const { name, bytes, status } of ROWS) {
    it(`${name}: ${status.join(', ')}`, async () => {
      const answer = await exchange(bytes);
      assert.deepEqual(statusesOf(answer), status, answer);
      assert.doesNotMatch(answer, /node_modules|at \w+ \(|\bError:/);
      assert.ok(!node.taken.some(({ device }) => device === 'smuggled'));
    });
  }

  it('headers that drip for ever: 408', async () => {
    assert.deepEqual(statusesOf(await exchange(get(`X: ${'a'.repeat(1_000)}`), true)), [408]);
  });

  it('a body that drips for ever: 408', async () => {
    assert.deepEqual(statusesOf(await exchange(post('Content-Length: 1000', 'a'.repeat(1_000)), true)), [408]);
  });
});
