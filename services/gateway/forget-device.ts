/** Forgets a device for good, and says what is still written of it, where and until when. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../../mixins/clock.js';
import type { Command } from '../../models/domain/command.js';
import { formatTimestamp } from '../../models/domain/timestamp.js';
import type { Settings } from '../../models/settings.js';
import type { ReadSide } from '../../storage/read-side/read-side.js';
import type { Storage } from '../../storage/storage.js';
import type { Exchange } from './route.js';
import type { ForgottenDevice } from './schemas/device.js';

const LOOK_EVERY_MS = 20;
/** A command passes three stages; idle ones take about 10 ms together. */
const LONGEST_MS = 5_000;
const DAY_MS = 86_400_000;

export interface ForgetOptions {
  readonly readSide: ReadSide;
  readonly clock: Clock;
}

/**
 * Puts the command into the log, behind all that the device has sent, and waits up to 5 s until nothing of it is shown.
 *
 * @returns false: it is in the log and will take effect.
 */
export async function forgetDevice(
  { readSide, clock }: ForgetOptions,
  call: Exchange['call'],
  tenant: string,
  device: string,
  by: string,
): Promise<boolean> {
  const before = await readSide.device(tenant, device);
  const alertsBefore = await alertIds(readSide, tenant, device);
  const command: Command = { type: 'device.forget', by };
  await call('ingest.command', { tenant, device, command });
  const deadlineMs = clock.monotonicMs() + LONGEST_MS;
  for (;;) {
    const now = await readSide.device(tenant, device);
    // One that goes on sending is back at once, as a new one.
    const isGone = now === undefined || (before !== undefined && now.firstSeenMs !== before.firstSeenMs);
    if (isGone && isDisjoint(await alertIds(readSide, tenant, device), alertsBefore)) return true;
    if (clock.monotonicMs() >= deadlineMs) return false;
    await sleep(LOOK_EVERY_MS);
  }
}

async function alertIds(readSide: ReadSide, tenant: string, device: string): Promise<ReadonlySet<string>> {
  const { items } = await readSide.alerts(tenant, { device, limit: 1_000 });
  return new Set(items.map(({ id }) => id));
}

const isDisjoint = (a: ReadonlySet<string>, b: ReadonlySet<string>): boolean => ![...a].some((id) => b.has(id));

/** @param nowMs Unix ms */
export function whatRemains(
  settings: Pick<Settings, 'historyDays' | 'auditDays'>,
  mode: Storage['mode'],
  nowMs: number,
): ForgottenDevice['remains'] {
  const inDays = (days: number): string => formatTimestamp(Math.round(nowMs + days * DAY_MS));
  const soon = 'two snapshots later; snapshots are taken once a minute while anything comes into the partition';
  const history =
    mode === 'embedded'
      ? { note: `trimmed with the readings: ${soon}` }
      : { until: inDays(settings.historyDays), note: 'kept as the history of other devices of the partition is' };
  return [
    { what: 'readings and frames in the log', note: `trimmed ${soon}` },
    { what: 'snapshots of the stages', note: 'the last two of each partition are kept' },
    { what: 'scores and alerts in the log', ...history },
    { what: 'the audit log', until: inDays(settings.auditDays), note: 'names the device in the entry of this request' },
    {
      what: 'backups, and trained models',
      note: 'are yours to remove; a model holds no reading, but was trained from them',
    },
  ];
}
