import { readFileSync } from 'node:fs';

/** Linux counts a process's time in hundredths of a second. */
const TICKS_A_SECOND = 100;

/** User and system time that a process has used since it began, in seconds. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name, in brackets, may hold spaces; user and system time are the 12th and 13th field after it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_A_SECOND;
}
