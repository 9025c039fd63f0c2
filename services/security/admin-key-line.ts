/** The line with which the first gateway of all shows the admin key that it has made; it is shown nowhere else. */
const START = 'Admin key (shown once): ';

export function adminKeyLine(key: string): string {
  return START + key;
}

/** @returns the key, where `line` is such a line. */
export function adminKeyIn(line: string): string | undefined {
  return line.startsWith(START) ? line.slice(START.length) : undefined;
}
