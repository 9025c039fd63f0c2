/** A profile's definition: validated, completed with defaults, and named by its content. */
import { createHash } from 'node:crypto';
import { Type, type Static } from '@sinclair/typebox';
import { Value, type ValueError } from '@sinclair/typebox/value';
import { canonicalJson } from '../domain/canonical-json.js';
import { SettingInvalidError } from '../errors.js';
import { choicesOf, ENSEMBLES } from '../detectors/ensembles.js';
import { AlertingProfile } from './alerting-profile.js';
import { DetectionProfile } from './detection-profile.js';
import { WindowProfile } from './window-profile.js';

export const DEFAULT_PROFILE = 'standard';

export const ProfileDefinition = Type.Object(
  {
    devices: Type.Array(Type.String({ minLength: 1, maxLength: 256 }), {
      default: [],
      maxItems: 1_000,
      description:
        'Patterns of device ids, for example `pump-*`: `*` is any text, `?` one character, nothing else is special. The first profile, by name, with a pattern that fits has the device; else it is `standard`.',
    }),
    window: WindowProfile,
    detection: DetectionProfile,
    alerting: AlertingProfile,
  },
  { additionalProperties: false },
);
export type ProfileDefinition = Static<typeof ProfileDefinition>;

const NAME = /^[a-z0-9][a-z0-9-]{0,62}$/;

export function isProfileName(text: unknown): text is string {
  return typeof text === 'string' && NAME.test(text);
}

/**
 * Checks a definition as people write it, in which anything may be left out, and completes it.
 *
 * @throws SettingInvalidError naming every field that is wrong.
 */
export function completeProfile(name: string, partial: unknown): ProfileDefinition {
  const problems: string[] = [];
  if (!isProfileName(name)) problems.push(`profile name must match ${NAME.source}, got ${JSON.stringify(name)}`);
  const definition = withDefaults(partial);
  for (const error of Value.Errors(ProfileDefinition, definition)) {
    problems.push(
      `profiles.${name}${error.path.replaceAll('/', '.')}: ${expectation(error)}, got ${JSON.stringify(error.value)}`,
    );
  }
  if (problems.length === 0) {
    const { detection } = definition as ProfileDefinition;
    const has = [...new Set(ENSEMBLES[detection.ensemble].choices.map((choice) => choice.name))];
    for (const absent of detection.without.filter((detector) => !has.includes(detector))) {
      problems.push(
        `profiles.${name}.detection.without: ${detection.ensemble} has no ${absent}, but ${has.join(', ')}: nothing would change`,
      );
    }
    if (!hasDetectors(definition as ProfileDefinition)) {
      problems.push(
        `profiles.${name}.detection.without: must leave a detector for devices of any size, got all of them`,
      );
    }
  }
  if (problems.length > 0) throw new SettingInvalidError(problems);
  return definition as ProfileDefinition;
}

/** What a field should have been; of one that must be one of several words, which ones. */
function expectation({ message, schema, value }: ValueError): string {
  const choices = (schema.anyOf ?? []) as readonly { const?: string; properties?: { name?: { const?: string } } }[];
  const words = choices.flatMap((choice) => choice.const ?? choice.properties?.name?.const ?? []);
  if (words.length === 0 || words.length < choices.length) return message.toLowerCase();
  const named = (value as { name?: unknown } | null)?.name;
  const known = words.find((word) => word === named);
  return known === undefined
    ? `must be one of ${words.join(', ')}`
    : `must have settings that ${known} knows, within their ranges`;
}

/**
 * Reads a definition that was complete for the release that wrote it, maybe not this one: what this one does not know is left
 * out, what is new has its default.
 *
 * @returns undefined when this release cannot use it.
 */
export function readStoredProfile(stored: unknown): ProfileDefinition | undefined {
  if (typeof stored !== 'object' || stored === null) return undefined;
  const definition: unknown = Value.Clean(ProfileDefinition, withDefaults(stored));
  return Value.Check(ProfileDefinition, definition) && hasDetectors(definition) ? definition : undefined;
}

function hasDetectors({ detection }: ProfileDefinition): boolean {
  return detection.detectors.length > 0 || choicesOf(detection.ensemble, detection.without, Infinity).length > 0;
}

function withDefaults(partial: unknown): unknown {
  const sections: Record<string, unknown> = { window: {}, detection: {}, alerting: {} };
  const given = structuredClone(partial ?? {});
  return Value.Default(ProfileDefinition, typeof given === 'object' ? { ...sections, ...given } : given);
}

/** 16 hex digits of the SHA-256 of the definition, with keys in order: equal definitions have equal versions. */
export function profileVersion(definition: ProfileDefinition): string {
  return createHash('sha256').update(canonicalJson(definition)).digest('hex').slice(0, 16);
}
