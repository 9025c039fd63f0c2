/** As much of S3 as backups need: multipart upload, download, list, delete; requests are signed by aws4fetch (SigV4). */
import { AwsClient } from 'aws4fetch';
import { NotFoundError, SettingInvalidError, StorageFailedError } from '../../models/errors.js';

export interface S3Settings {
  /** `S3_ENDPOINT`, for example `http://minio:9000`; undefined: Amazon's. The bucket is a part of the path there. */
  readonly endpoint: string | undefined;
  readonly region: string;
  readonly accessKeyId: string | undefined;
  readonly secretAccessKey: string | undefined;
  readonly sessionToken: string | undefined;
}

/** From the variables that every client of S3 reads. */
export function s3SettingsOf(env: Readonly<Record<string, string | undefined>>): S3Settings {
  return {
    endpoint: env['S3_ENDPOINT'] ?? env['AWS_ENDPOINT_URL_S3'] ?? env['AWS_ENDPOINT_URL'],
    region: env['AWS_REGION'] ?? env['AWS_DEFAULT_REGION'] ?? 'us-east-1',
    accessKeyId: env['AWS_ACCESS_KEY_ID'],
    secretAccessKey: env['AWS_SECRET_ACCESS_KEY'],
    sessionToken: env['AWS_SESSION_TOKEN'],
  };
}

export interface Upload {
  /** What is written goes up in parts; the body of a writable. */
  take(): (source: AsyncIterable<Uint8Array>) => Promise<void>;
  finish(): Promise<void>;
  giveUp(): Promise<void>;
}

/** All but the last part of an upload must have 5 MiB at least; 10,000 parts make 160 GB. */
const PART_BYTES = 16 * 2 ** 20;
const REQUEST_MS = 120_000;

export class S3Bucket {
  readonly #client: AwsClient;
  readonly #base: string;

  /** @throws SettingInvalidError without credentials. */
  constructor(bucket: string, { endpoint, region, accessKeyId, secretAccessKey, sessionToken }: S3Settings) {
    if (accessKeyId === undefined || secretAccessKey === undefined) {
      throw new SettingInvalidError(['AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY must be set for s3:// places']);
    }
    this.#client = new AwsClient({
      accessKeyId,
      secretAccessKey,
      ...(sessionToken !== undefined && { sessionToken }),
      region,
      service: 's3',
      retries: 3,
    });
    this.#base =
      endpoint === undefined
        ? `https://${bucket}.s3.${region}.amazonaws.com`
        : `${endpoint.replace(/\/+$/, '')}/${bucket}`;
  }

  async beginUpload(key: string): Promise<Upload> {
    const { UploadId: id } = tagsOf(await this.#text('POST', key, 'uploads='));
    if (id === undefined) throw new StorageFailedError('the store began no upload');
    const etags: string[] = [];
    const upload = `uploadId=${encodeURIComponent(id)}`;
    const send = async (bytes: Uint8Array): Promise<void> => {
      const answer = await this.#ask('PUT', key, `partNumber=${etags.length + 1}&${upload}`, bytes);
      const etag = answer.headers.get('etag');
      if (etag === null) throw new StorageFailedError('the store named no ETag of a part');
      etags.push(etag);
    };
    return {
      take: () => async (source) => {
        let waiting: Uint8Array[] = [];
        let bytes = 0;
        for await (const chunk of source) {
          waiting.push(chunk);
          bytes += chunk.length;
          if (bytes < PART_BYTES) continue;
          await send(Buffer.concat(waiting));
          waiting = [];
          bytes = 0;
        }
        if (bytes > 0 || etags.length === 0) await send(Buffer.concat(waiting));
      },
      finish: async () => {
        const parts = etags.map((etag, i) => `<Part><PartNumber>${i + 1}</PartNumber><ETag>${etag}</ETag></Part>`);
        const body = `<CompleteMultipartUpload>${parts.join('')}</CompleteMultipartUpload>`;
        // It may say 200, and then that it failed.
        const text = await this.#text('POST', key, upload, Buffer.from(body));
        if (text.includes('<Error>'))
          throw new StorageFailedError(`the store did not put the upload together: ${tagsOf(text)['Code'] ?? ''}`);
      },
      giveUp: async () => {
        await this.#ask('DELETE', key, upload).catch(() => undefined);
      },
    };
  }

  /** @throws NotFoundError */
  async *read(key: string): AsyncGenerator<Uint8Array> {
    const { body } = await this.#ask('GET', key, '');
    if (body !== null) for await (const chunk of body as unknown as AsyncIterable<Uint8Array>) yield chunk;
  }

  async list(prefix: string): Promise<readonly { readonly key: string; readonly bytes: number }[]> {
    const objects: { readonly key: string; readonly bytes: number }[] = [];
    let token = '';
    do {
      const next = token === '' ? '' : `&continuation-token=${encodeURIComponent(token)}`;
      const text = await this.#text('GET', '', `list-type=2&prefix=${encodeURIComponent(prefix)}${next}`);
      for (const [, object] of text.matchAll(/<Contents>(.*?)<\/Contents>/gs)) {
        const { Key: key = '', Size: bytes = '' } = tagsOf(object!);
        objects.push({ key, bytes: Number(bytes) });
      }
      token = tagsOf(text)['NextContinuationToken'] ?? '';
    } while (token !== '');
    return objects;
  }

  async delete(key: string): Promise<void> {
    await this.#ask('DELETE', key, '');
  }

  async #text(method: string, key: string, query: string, body?: Uint8Array): Promise<string> {
    return (await this.#ask(method, key, query, body)).text();
  }

  async #ask(method: string, key: string, query: string, body?: Uint8Array): Promise<Response> {
    const path = key.split('/').map(encodeURIComponent).join('/');
    const url = `${this.#base}/${path}${query === '' ? '' : `?${query}`}`;
    let answer: Response;
    try {
      answer = await this.#client.fetch(url, {
        method,
        signal: AbortSignal.timeout(REQUEST_MS),
        ...(body !== undefined && { body: body as unknown as string }),
      });
    } catch (error) {
      throw new StorageFailedError(`${new URL(this.#base).host} cannot be reached: ${(error as Error).message}`, {
        cause: error,
      });
    }
    if (answer.ok) return answer;
    const { Code: code = '', Message: message = '' } = tagsOf(await answer.text());
    if (answer.status === 404) throw new NotFoundError(`there is no ${key === '' ? 'such bucket' : key} (${code})`);
    throw new StorageFailedError(`the store answered ${answer.status} ${code} ${message}`.trim());
  }
}

/** The text of each element that holds nothing but text; the last of equal names. */
function tagsOf(xml: string): Record<string, string> {
  const tags: Record<string, string> = {};
  for (const [, name, text] of xml.matchAll(/<([A-Za-z]+)>([^<]*)<\/\1>/g)) tags[name!] = unescaped(text!);
  return tags;
}

function unescaped(text: string): string {
  return text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&apos;', "'")
    .replaceAll('&amp;', '&');
}
