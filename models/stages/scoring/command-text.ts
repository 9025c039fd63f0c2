import type { Command } from '../../domain/command.js';

/** A command that this release understands well enough to look at its type; undefined for any other text. */
export function parseCommand(text: string): Command | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const isCommand = typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';
  return isCommand ? (value as Command) : undefined;
}
