/** Checks of a running server, by its HTTP interface alone. */
import type { ApiClient } from '../client.js';
import { CommandFailure } from '../command-failure.js';
import { ExitCode } from '../exit-codes.js';
import { fail, messageOf, ok, warn, type Finding } from './check.js';

/** A reading dated further ahead than five minutes is quarantined; long before that, somebody should look. */
export const CLOCK_WARN_MS = 5_000;

/** @returns undefined when nothing answers there. */
export async function checkServer(client: ApiClient): Promise<readonly Finding[] | undefined> {
  const findings: Finding[] = [];
  try {
    const answer = await client.send<unknown>('GET', '/health', {});
    findings.push(ok('server', `${client.url} answers`), checkClock(answer.headers.get('date')));
  } catch (error) {
    if (error instanceof CommandFailure && error.exitCode === ExitCode.unreachable) return undefined;
    return [fail('server', `${client.url} answers, but not as Redshank does: ${messageOf(error)}`)];
  }
  findings.push(await attempt('ready', 'takes readings', () => client.get('/ready')));
  // A flat line with a step: any detector can say something about it, and nothing is stored.
  const data = Array.from({ length: 60 }, (_, i) => [i < 50 ? 1 + (i % 3) * 0.01 : 9]);
  findings.push(
    await attempt('prediction', 'a test prediction works', () =>
      client.post('/predict', { body: { data, window_size: 30 } }),
    ),
  );
  return findings;
}

function checkClock(date: string | null): Finding {
  const offMs = date === null ? NaN : Date.parse(date) - Date.now();
  if (Number.isNaN(offMs)) return warn('clock', 'the server does not say what time it is');
  if (Math.abs(offMs) <= CLOCK_WARN_MS) return ok('clock', 'the clocks of server and client agree');
  const side = offMs > 0 ? 'ahead of' : 'behind';
  return warn('clock', `the server is ${Math.round(Math.abs(offMs) / 1_000)} s ${side} this machine: set both by NTP`);
}

async function attempt(check: string, good: string, action: () => Promise<unknown>): Promise<Finding> {
  try {
    await action();
    return ok(check, good);
  } catch (error) {
    return fail(check, messageOf(error));
  }
}
