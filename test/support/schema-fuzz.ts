/** Values that fit a schema, and values that nearly do, from a seed. */
import type { SeededRandom } from '../../models/simulator/random.js';
import type { ApiDocument, JsonSchema } from './api-document.js';

/** What clients send by mistake and on purpose. */
const NASTY: readonly unknown[] = [
  null,
  true,
  '',
  0,
  -1,
  1e308,
  -0,
  1.5,
  2 ** 60,
  'a'.repeat(5_000),
  '\u0000',
  'a\r\nX: y',
  '*.>',
  '../../etc/passwd',
  '‮ab😀',
  '__proto__',
  'constructor',
  '2026-02-30T00:00:00Z',
  [],
  {},
  [[[[[[]]]]]],
  { __proto__: null },
  { $ref: '#' },
];

/** Texts that fit the patterns of the document. */
const BY_PATTERN: readonly (readonly [fits: RegExp, text: string])[] = [
  [/^[A-Za-z0-9_\-.:@/]{1,128}$/, 'pump-7'],
  [/^.+$/, '3'],
];

export class SchemaFuzz {
  readonly #random: SeededRandom;
  readonly #document: ApiDocument;

  constructor(random: SeededRandom, document: ApiDocument) {
    this.#random = random;
    this.#document = document;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.#random.integer(list.length)]!;
  }

  chance(share: number): boolean {
    return this.#random.uniform() < share;
  }

  nasty(): unknown {
    return this.pick(NASTY);
  }

  /** A value that fits, as far as patterns allow. */
  value(given: JsonSchema, depth = 0): unknown {
    const schema = this.#document.resolve(given);
    const examples = schema['examples'] as readonly unknown[] | undefined;
    if (examples !== undefined && this.chance(0.5)) return examples[0];
    const choices = (schema['anyOf'] ?? schema['oneOf']) as readonly JsonSchema[] | undefined;
    if (choices !== undefined) return this.value(this.pick(choices), depth);
    const words = schema['enum'] as readonly unknown[] | undefined;
    if (words !== undefined) return this.pick(words);
    if ('const' in schema) return schema['const'];
    switch (schema['type']) {
      case 'object':
        return this.#object(schema, depth);
      case 'array': {
        const least = (schema['minItems'] as number | undefined) ?? 0;
        const count = least + (depth > 4 ? 0 : this.#random.integer(3));
        return Array.from({ length: count }, () => this.value((schema['items'] ?? {}) as JsonSchema, depth + 1));
      }
      case 'integer':
      case 'number': {
        const least = (schema['minimum'] as number | undefined) ?? 0;
        const most = (schema['maximum'] as number | undefined) ?? least + 100;
        const value = least + this.#random.uniform() * Math.min(100, most - least);
        return schema['type'] === 'integer' ? Math.floor(value) : value;
      }
      case 'boolean':
        return this.chance(0.5);
      case 'null':
        return null;
      case 'string':
        return this.#text(schema);
      default:
        return this.chance(0.5) ? {} : 'pump-7';
    }
  }

  /** One place of it is spoilt. */
  mutated(value: unknown): unknown {
    if (typeof value !== 'object' || value === null || this.chance(0.15)) return this.nasty();
    if (Array.isArray(value)) {
      if (value.length === 0 || this.chance(0.2)) return [...(value as unknown[]), this.nasty()];
      const at = this.#random.integer(value.length);
      return (value as unknown[]).map((item, i) => (i === at ? this.mutated(item) : item));
    }
    const names = Object.keys(value);
    if (names.length === 0 || this.chance(0.2))
      return { ...value, [this.pick(['extra', 'role', 'tenant', 'isAdmin'])]: 1 };
    const name = this.pick(names);
    const { [name]: old, ...rest } = value as Record<string, unknown>;
    return this.chance(0.3) ? rest : { ...rest, [name]: this.mutated(old) };
  }

  #object(schema: JsonSchema, depth: number): unknown {
    const properties = (schema['properties'] ?? {}) as Record<string, JsonSchema>;
    const required = (schema['required'] ?? []) as readonly string[];
    const names = Object.keys(properties).filter((name) => required.includes(name) || (depth < 5 && this.chance(0.4)));
    const fields: Record<string, unknown> = {};
    for (const name of names) fields[name] = this.value(properties[name]!, depth + 1);
    const patterns = Object.values((schema['patternProperties'] ?? {}) as Record<string, JsonSchema>);
    if (patterns.length > 0) fields['temp'] = this.value(patterns[0]!, depth + 1);
    return fields;
  }

  #text(schema: JsonSchema): string {
    if (schema['format'] === 'date-time') return '2026-11-01T00:00:00Z';
    const pattern = schema['pattern'];
    if (typeof pattern !== 'string') return this.pick(['pump-7', 'standard', 'a', 'why not']);
    const regex = new RegExp(pattern, 'u');
    return BY_PATTERN.find(([, text]) => regex.test(text))?.[1] ?? '2026-11-01T00:00:00Z';
  }
}
