/** Checks what came over the bus or in a body: any client can send anything. */
import type { Static, TSchema } from '@sinclair/typebox';
import { Value, ValueErrorType, type ValueError } from '@sinclair/typebox/value';
import { quoteValue } from '../models/domain/quote-value.js';
import { RequestInvalidError } from '../models/errors.js';

const MOST_PROBLEMS = 10;

/** @throws RequestInvalidError naming up to ten fields that are wrong, what was expected of each, and what it was */
export function checkParams<S extends TSchema>(schema: S, params: unknown): Static<S> {
  if (Value.Check(schema, params)) return params;
  const problems: string[] = [];
  for (const error of Value.Errors(schema, params)) {
    // A field that is missing is told once, not as one of the wrong type besides.
    if (error.value === undefined && error.path !== '' && error.type !== ValueErrorType.ObjectRequiredProperty)
      continue;
    problems.push(`${placeOf(error.path)} ${expectation(error)}, got ${quoteValue(error.value)}`);
    if (problems.length === MOST_PROBLEMS) break;
  }
  throw new RequestInvalidError(problems.join('; '), { data: { problems } });
}

/** `/data/0/temp` → `data[0].temp`. */
function placeOf(path: string): string {
  if (path === '') return 'the request';
  return path
    .slice(1)
    .replaceAll(/\/(\d+)(?=\/|$)/g, '[$1]')
    .replaceAll('/', '.');
}

function expectation({ type, message, schema }: ValueError): string {
  const choices = (schema['anyOf'] ?? []) as readonly TSchema[];
  const words = choices.flatMap((choice) => (choice['const'] === undefined ? [] : [String(choice['const'])]));
  if (words.length > 0 && words.length === choices.length) return `must be one of ${words.join(', ')}`;
  switch (type) {
    case ValueErrorType.ObjectRequiredProperty:
      return 'is required';
    case ValueErrorType.ObjectAdditionalProperties:
      return 'must not be there';
    case ValueErrorType.ArrayMaxItems:
      return `must have at most ${schema['maxItems']} items`;
    case ValueErrorType.ArrayMinItems:
      return `must have at least ${schema['minItems']} items`;
    case ValueErrorType.StringMaxLength:
      return `must have at most ${schema['maxLength']} characters`;
    case ValueErrorType.StringMinLength:
      return `must have at least ${schema['minLength']} characters`;
    case ValueErrorType.StringPattern:
      return `must match ${schema['pattern']}`;
    default:
      return message
        .replace(/^Expected (array|integer|object)/, 'must be an $1')
        .replace(/^Expected (number|string|boolean|one)/, 'must be a $1')
        .replace(/ to be (greater|less) or equal to/, ', $1 than or equal to');
  }
}
