/** The configuration file: YAML text to raw values by dotted name. */
import { parseDocument } from 'yaml';

export interface FileValues {
  /** `section.key` or `key` → value as written. Keys without a section are in lower case. */
  readonly values: ReadonlyMap<string, unknown>;
  /** Name → partial definition, unchecked. */
  readonly profiles: readonly (readonly [name: string, definition: unknown])[];
  readonly problems: readonly string[];
}

/** Sections that hold settings; `profiles` holds definitions. */
export const SECTIONS = ['api', 'detection', 'performance', 'security'] as const;
const PROFILES = 'profiles';

/** Reads the text; never throws. @param fileName for messages only. */
export function readSettingsFile(fileName: string, text: string): FileValues {
  const values = new Map<string, unknown>();
  const problems: string[] = [];
  let profiles: [string, unknown][] = [];
  const content = parseYaml(fileName, text, problems);
  if (content === undefined) return { values, profiles, problems };
  for (const [key, value] of Object.entries(content)) {
    if (value === null) continue;
    const isSection = SECTIONS.some((section) => section === key);
    if (!isSection && key !== PROFILES) {
      values.set(key.toLowerCase(), value);
    } else if (!isMapping(value)) {
      problems.push(`${fileName}: ${key} must be a mapping, got ${JSON.stringify(value)}`);
    } else if (key === PROFILES) {
      profiles = Object.entries(value);
    } else {
      for (const [inner, innerValue] of Object.entries(value)) {
        if (innerValue !== null) values.set(`${key}.${inner}`, innerValue);
      }
    }
  }
  return { values, profiles, problems };
}

function parseYaml(fileName: string, text: string, problems: string[]): Record<string, unknown> | undefined {
  let content: unknown;
  try {
    const document = parseDocument(text, { prettyErrors: true });
    for (const error of document.errors) {
      const line = error.linePos?.[0].line;
      const where = line === undefined ? fileName : `${fileName} line ${line}`;
      problems.push(`${where}: not valid YAML: ${(error.message.split('\n')[0] ?? '').replace(/ at line .*$/, '')}`);
    }
    if (problems.length > 0) return undefined;
    content = document.toJS();
  } catch (error) {
    // Aliases without an anchor, or so many that they would fill the memory.
    problems.push(`${fileName}: not valid YAML: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
  if (content === null || content === undefined) return {};
  if (isMapping(content)) return content;
  problems.push(`${fileName}: must be a mapping of settings, got ${JSON.stringify(content)}`);
  return undefined;
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
