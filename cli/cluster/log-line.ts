/** A part's log entry as one line for people. */

/** Pino's numbers. */
const LEVELS: Readonly<Record<number, string>> = {
  10: 'trace',
  20: 'debug',
  30: 'info',
  40: 'warn',
  50: 'ERROR',
  60: 'FATAL',
};
/** Of every entry: the line says them by its prefix, or not at all. */
const LEFT_OUT = new Set(['level', 'time', 'pid', 'hostname', 'msg', 'err', 'module']);
const LONGEST_VALUE = 120;

/** @returns `12:00:01 warn  message (error): name=value …`; the line as it is where it is no log entry. */
export function logLine(line: string): string {
  const entry = entryOf(line);
  if (entry === undefined) return line;
  const { level, time, msg, err } = entry;
  const clock = typeof time === 'number' ? new Date(time).toISOString().slice(11, 19) : '';
  const reason = (err as { message?: unknown } | undefined)?.message;
  const facts = Object.entries(entry)
    .filter(([name, value]) => !LEFT_OUT.has(name) && value !== null)
    .map(([name, value]) => `${name}=${shown(value)}`);
  const words = [typeof msg === 'string' ? msg : '', ...(typeof reason === 'string' ? [`(${reason})`] : []), ...facts];
  return `${clock} ${(LEVELS[level] ?? String(level)).padEnd(5)} ${words.join(' ')}`.replaceAll('\n', ' ');
}

function entryOf(line: string): (Readonly<Record<string, unknown>> & { readonly level: number }) | undefined {
  if (!line.startsWith('{"level":')) return undefined;
  try {
    const value = JSON.parse(line) as Readonly<Record<string, unknown>>;
    return typeof value['level'] === 'number' ? { ...value, level: value['level'] } : undefined;
  } catch {
    // Cut short: shown as it came.
    return undefined;
  }
}

function shown(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > LONGEST_VALUE ? `${text.slice(0, LONGEST_VALUE)}…` : text;
}
