import assert from 'node:assert/strict';
import { ApiDocument, type JsonSchema, type Operation } from '../support/api-document.js';
import { RedshankProcess } from '../support/redshank-process.js';
import { temporaryFolder } from '../support/temporary-folder.js';

interface Example {
  readonly mediaType: string;
  readonly body: string;
}

describe('examples of the document', function () {
  this.timeout(60_000);
  const folder = temporaryFolder();
  let redshank: RedshankProcess;
  beforeEach(async () => {
    redshank = await RedshankProcess.start({ dataDir: folder() });
  });
  afterEach(() => redshank.stop());

  function examplesOf(document: ApiDocument, { requestBody }: Operation): Example[] {
    return Object.entries(requestBody?.content ?? {}).flatMap(([mediaType, content]) => {
      const { schema, example } = content as { schema: JsonSchema; example?: string };
      if (example !== undefined) return [{ mediaType, body: example }];
      const { examples = [], properties } = document.resolve(schema) as {
        examples?: readonly unknown[];
        properties?: Readonly<Record<string, JsonSchema>>;
      };
      // Of a list of things, the example of the thing.
      const list = Object.entries(properties ?? {}).map(([name, inner]) => {
        const item = document.resolve((document.resolve(inner)['items'] ?? {}) as JsonSchema);
        return { name, items: item['examples'] as readonly unknown[] | undefined };
      });
      const whole =
        examples.length > 0 ? examples : list.flatMap(({ name, items }) => (items ? [{ [name]: items }] : []));
      return whole.map((value) => ({ mediaType, body: JSON.stringify(value) }));
    });
  }

  it('are taken as they stand', async () => {
    const document = await ApiDocument.fetch(redshank.url);
    const asked: string[] = [];
    for (const operation of document.operations) {
      for (const { mediaType, body } of examplesOf(document, operation)) {
        const answer = await fetch(`${redshank.url}${operation.path}`, {
          method: operation.method,
          headers: { 'content-type': mediaType },
          body,
        });
        const text = await answer.text();
        // Keys are made only where keys are asked for.
        const expected = operation.path === '/v1/keys' ? answer.status === 409 : answer.ok;
        assert.ok(expected, `${operation.method} ${operation.path} ${body}\n→ ${answer.status} ${text}`);
        asked.push(operation.path);
      }
    }
    for (const path of ['/v1/readings', '/v1/readings/csv', '/v1/write', '/predict', '/predict/batch', '/v1/silences'])
      assert.ok(asked.includes(path), `${path} has no example`);
  });
});
