/** The OpenAPI document of a running server, as tests use it: operations, and answers judged by another library than the server's. */
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';

export type JsonSchema = Readonly<Record<string, unknown>>;

export interface Operation {
  readonly method: string;
  /** As in the document, with `{id}`. */
  readonly path: string;
  readonly parameters: readonly {
    readonly name: string;
    readonly in: 'path' | 'query' | 'header';
    readonly schema: JsonSchema;
  }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: JsonSchema }>> };
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema?: JsonSchema }>> }>
  >;
}

export interface Answer {
  readonly status: number;
  readonly mediaType: string;
  readonly text: string;
}

const pointer = (...parts: readonly string[]): string =>
  parts.map((part) => `/${part.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');

export class ApiDocument {
  readonly operations: readonly Operation[];
  readonly #document: Readonly<Record<string, unknown>>;
  readonly #ajv: Ajv2020;
  readonly #validators = new Map<string, ValidateFunction>();

  constructor(document: unknown) {
    this.#document = document as Readonly<Record<string, unknown>>;
    const { paths } = document as { paths: Record<string, Record<string, Partial<Operation>>> };
    this.operations = Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({
        ...(operation as Operation),
        parameters: operation.parameters ?? [],
        method: method.toUpperCase(),
        path,
      })),
    );
    this.#ajv = new Ajv2020({ strict: false, allErrors: false });
    (formats as unknown as (ajv: Ajv2020) => void)(this.#ajv);
    this.#ajv.addSchema(document as object, 'api');
  }

  static async fetch(url: string): Promise<ApiDocument> {
    return new ApiDocument(await (await fetch(`${url}/openapi.json`)).json());
  }

  /** What a reference stands for; a schema without one as it is. */
  resolve(schema: JsonSchema): JsonSchema {
    const ref = schema['$ref'];
    if (typeof ref !== 'string') return schema;
    return ref
      .slice(2)
      .split('/')
      .reduce<JsonSchema>((at, part) => at[part] as JsonSchema, this.#document);
  }

  /** Why an answer is not as the document says; undefined when it is. */
  faultOf({ method, path, responses }: Operation, { status, mediaType, text }: Answer): string | undefined {
    const named = responses[String(status)];
    const key = named === undefined ? 'default' : String(status);
    if (named === undefined && status < 400) return `status ${status} is not in the document`;
    const content = responses[key]?.content;
    if (content === undefined) return text === '' ? undefined : `status ${status} must have no body, got ${text}`;
    const schema = content[mediaType]?.schema;
    if (schema === undefined) return `${mediaType} is not among ${Object.keys(content).join(', ')} of status ${status}`;
    if (!mediaType.endsWith('json') || mediaType.endsWith('ndjson')) return undefined;
    let body: unknown;
    try {
      body = JSON.parse(text);
    } catch {
      return `status ${status} is no JSON: ${text.slice(0, 200)}`;
    }
    const at = `api#${pointer('paths', path, method.toLowerCase(), 'responses', key, 'content', mediaType, 'schema')}`;
    let validate = this.#validators.get(at);
    if (validate === undefined) this.#validators.set(at, (validate = this.#ajv.compile({ $ref: at })));
    return validate(body) ? undefined : `${this.#ajv.errorsText(validate.errors)}: ${text.slice(0, 300)}`;
  }
}
