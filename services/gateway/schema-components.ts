/** TypeBox schemas as a document of OpenAPI or AsyncAPI has them: plain JSON, and what has a name once. */
import type { TSchema } from '@sinclair/typebox';

export type Json = Readonly<Record<string, unknown>>;

/** One word of several as people write it, not as a choice of constants. */
function wordsOf({ anyOf, description }: TSchema): Json | undefined {
  const choices = (anyOf ?? []) as readonly TSchema[];
  const words = choices.flatMap((choice) => (typeof choice['const'] === 'string' ? [choice['const']] : []));
  if (words.length === 0 || words.length < choices.length) return undefined;
  return { type: 'string', enum: words, ...(description !== undefined && { description }) };
}

/** Schemas with an `$id`, each once, under their names. */
export class Components {
  readonly #schemas = new Map<string, Json>();

  /** The schema as plain JSON, those with names inside it as references. @param isInline not as a reference itself */
  of(schema: TSchema, isInline = false): Json {
    const { $id: id } = schema;
    if (id === undefined || isInline) return this.#plain(schema) as Json;
    if (!this.#schemas.has(id)) {
      // Before it is walked: it may hold itself.
      this.#schemas.set(id, {});
      this.#schemas.set(id, this.#plain(schema) as Json);
    }
    return { $ref: `#/components/schemas/${id}` };
  }

  all(): Json {
    return Object.fromEntries([...this.#schemas].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  #plain(value: unknown): unknown {
    if (Array.isArray(value)) return value.map((item) => this.#inner(item));
    if (typeof value !== 'object' || value === null) return value;
    const words = wordsOf(value as TSchema);
    if (words !== undefined) return words;
    const entries = Object.entries(value).filter(([name]) => name !== '$id');
    return Object.fromEntries(entries.map(([name, inner]) => [name, this.#inner(inner)]));
  }

  #inner(value: unknown): unknown {
    const isNamed = typeof value === 'object' && value !== null && typeof (value as TSchema).$id === 'string';
    return isNamed ? this.of(value as TSchema) : this.#plain(value);
  }
}
