/** As much of S3 as backups use, in memory; it checks the signature of every request (SigV4) by signing it once more. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { randomBytes } from 'node:crypto';
import { AwsV4Signer } from 'aws4fetch';
import { buffer } from 'node:stream/consumers';

export class S3Server {
  readonly url: string;
  readonly accessKeyId = 'AKIATEST';
  readonly secretAccessKey = 'a secret of the test';
  readonly objects = new Map<string, Buffer>();
  readonly #uploads = new Map<string, Buffer[]>();
  readonly #server: Server;

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.url = `http://127.0.0.1:${port}`;
  }

  static async start(): Promise<S3Server> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const store = new S3Server(server, (server.address() as { port: number }).port);
    server.on('request', (request, response) => {
      store.#answer(request, response).catch((error: unknown) => response.destroy(error as Error));
    });
    return store;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await buffer(request);
    const url = new URL(request.url ?? '/', this.url);
    const fail = (status: number, code: string): void =>
      void response.writeHead(status).end(`<Error><Code>${code}</Code><Message>no</Message></Error>`);
    if (!(await this.#isSigned(request, url))) {
      fail(403, 'SignatureDoesNotMatch');
      return;
    }
    const [, bucket = '', ...words] = url.pathname.split('/');
    const key = `${bucket}/${decodeURIComponent(words.join('/'))}`;
    const { searchParams: query } = url;
    const upload = query.get('uploadId');
    if (request.method === 'POST' && query.has('uploads')) {
      const id = randomBytes(6).toString('hex');
      this.#uploads.set(id, []);
      response.end(`<R><UploadId>${id}</UploadId></R>`);
    } else if (request.method === 'PUT' && upload !== null) {
      this.#uploads.get(upload)![Number(query.get('partNumber')) - 1] = body;
      response.setHeader('ETag', `"${body.length}"`).end();
    } else if (request.method === 'POST' && upload !== null) {
      this.objects.set(key, Buffer.concat(this.#uploads.get(upload)!));
      response.end('<R></R>');
    } else if (request.method === 'DELETE') {
      this.objects.delete(key);
      response.writeHead(204).end();
    } else if (query.get('list-type') === '2') {
      const prefix = `${bucket}/${query.get('prefix') ?? ''}`;
      const keys = [...this.objects.keys()].filter((one) => one.startsWith(prefix)).sort();
      const objects = keys.map(
        (one) =>
          `<Contents><Key>${one.slice(bucket.length + 1)}</Key><Size>${this.objects.get(one)!.length}</Size>` +
          '<Owner><ID>me</ID></Owner></Contents>',
      );
      response.end(`<ListBucketResult><Name>${bucket}</Name>${objects.join('')}</ListBucketResult>`);
    } else {
      const found = this.objects.get(key);
      if (found === undefined) fail(404, 'NoSuchKey');
      else response.end(found);
    }
  }

  async #isSigned(request: IncomingMessage, url: URL): Promise<boolean> {
    const given = request.headers.authorization ?? '';
    const [, names = ''] = /SignedHeaders=([^,]+)/.exec(given) ?? [];
    const headers = Object.fromEntries(
      names
        .split(';')
        .filter((name) => name !== 'host')
        .map((name) => [name, String(request.headers[name] ?? '')]),
    );
    const signer = new AwsV4Signer({
      method: request.method ?? 'GET',
      url: url.href,
      headers,
      accessKeyId: this.accessKeyId,
      secretAccessKey: this.secretAccessKey,
      region: 'us-east-1',
      service: 's3',
      datetime: String(request.headers['x-amz-date']),
    });
    return (await signer.sign()).headers.get('authorization') === given;
  }
}
