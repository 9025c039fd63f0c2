/** The fleet of the demo, and what is found in it. */
import { demoScenario } from '../../models/simulator/demo-scenario.js';
import type { ApiClient } from '../client.js';
import { CommandFailure } from '../command-failure.js';
import { eventStream } from '../events/event-stream.js';
import { alertLine, type AlertChange } from '../events/views.js';
import { formatCount } from '../terminal/amounts.js';
import { printJson, printLine, printNote, type Terminal } from '../terminal/terminal.js';
import { feedFleet } from './feed.js';

export interface DemoFleet {
  /** How many. */
  readonly devices: number;
  readonly seed: number;
  /** Alerts as JSON, one a line. */
  readonly json?: boolean;
}

/**
 * Feeds the fleet and prints alerts until `signal`.
 *
 * @param createClient given the signal that ends its requests. @throws CommandFailure when the server stays away.
 */
export async function playDemo(
  terminal: Terminal,
  createClient: (signal: AbortSignal) => ApiClient,
  signal: AbortSignal,
  fleet: DemoFleet,
): Promise<void> {
  const ended = new AbortController();
  const untilEnd = AbortSignal.any([signal, ended.signal]);
  const client = createClient(untilEnd);
  const watching = showAlerts(terminal, client, untilEnd, fleet.json === true);
  const feeding = playFleet(terminal, client, untilEnd, fleet);
  // When one of the two fails, the other has to end as well; what failed is told after both have.
  const parts = await Promise.allSettled([watching, feeding].map((part) => part.finally(() => ended.abort())));
  const failed = parts.find((part) => part.status === 'rejected' && !isStop(part.reason));
  if (failed?.status === 'rejected') throw failed.reason;
}

async function playFleet(
  terminal: Terminal,
  client: ApiClient,
  signal: AbortSignal,
  { seed, devices, json }: DemoFleet,
): Promise<void> {
  const { fleet, liveFromMs } = demoScenario({ seed, devices, nowMs: Date.now() });
  let isLive = false;
  await feedFleet(fleet, client, {
    liveFromMs,
    untilMs: Infinity,
    speed: 1,
    signal,
    onProgress: (totals, simulatedMs) => {
      if (isLive || simulatedMs <= liveFromMs) return;
      isLive = true;
      if (json !== true) {
        printNote(terminal, `${formatCount(totals.accepted)} readings of the last ten minutes are in; now live`);
      }
    },
  });
}

async function showAlerts(terminal: Terminal, client: ApiClient, signal: AbortSignal, json: boolean): Promise<void> {
  for await (const { event, data } of eventStream(client, { signal })) {
    if (event !== 'alert') continue;
    const alert = data as AlertChange;
    if (json) printJson(terminal, { event, ...alert });
    else printLine(terminal, alertLine(terminal, alert));
  }
}

/** Requests that were cut off because the demo ends are no failure. */
function isStop(reason: unknown): boolean {
  return reason instanceof CommandFailure && reason.message === 'stopped';
}
