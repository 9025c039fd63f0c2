/** Pieces of schemas that many answers share. A schema with an `$id` stands under that name in the OpenAPI document. */
import { Type, type Static } from '@sinclair/typebox';

/** RFC 3339 in UTC, with milliseconds. */
export const Time = Type.String({ format: 'date-time', examples: ['2026-01-01T00:00:00.000Z'] });

export const Next = Type.Optional(
  Type.String({ description: 'Give it back as `cursor` for the next page; absent at the end' }),
);

export const Note = Type.Optional(Type.String({ maxLength: 1_000, description: 'Why; stands in the history' }));

/** RFC 9457. */
export const Problem = Type.Object(
  {
    type: Type.String({ description: '`urn:redshank:problem:` and a word that stays the same' }),
    title: Type.String(),
    status: Type.Integer({ minimum: 400, maximum: 599 }),
    detail: Type.String({ description: 'What was wrong, what was expected, what to do' }),
    instance: Type.Optional(Type.String({ description: 'Names the request; the log of the server has the same name' })),
  },
  { $id: 'Problem', description: 'RFC 9457 problem details' },
);
export type Problem = Static<typeof Problem>;

/** One word of several. */
export function word<const T extends string>(words: readonly T[], description?: string) {
  const literals = words.map((one) => Type.Literal(one));
  return Type.Union(literals, description === undefined ? {} : { description });
}

/** A value, or null where there is none. */
export const Measured = Type.Union([Type.Number(), Type.Null()]);
