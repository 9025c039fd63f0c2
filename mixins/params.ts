/** Checks what came over the bus: any client of the bus can send anything. */
import type { Static, TSchema } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import { RequestInvalidError } from '../models/errors.js';

const MOST_PROBLEMS = 10;

/** @throws RequestInvalidError naming up to ten fields that are wrong. */
export function checkParams<S extends TSchema>(schema: S, params: unknown): Static<S> {
  if (Value.Check(schema, params)) return params;
  const problems: string[] = [];
  for (const error of Value.Errors(schema, params)) {
    problems.push(`${error.path === '' ? 'the request' : error.path.slice(1)}: ${error.message.toLowerCase()}`);
    if (problems.length === MOST_PROBLEMS) break;
  }
  throw new RequestInvalidError(problems.join('; '), { data: { problems } });
}
