import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../../mixins/clock.js';
import type { Alert } from '../../models/domain/alert.js';
import { OverloadedError } from '../../models/errors.js';
import type { ReadSide } from '../../storage/read-side/read-side.js';

/** A command passes three stages; idle ones take about 10 ms together. */
const LOOK_EVERY_MS = 10;
const LONGEST_MS = 5_000;
const RETRY_AFTER_MS = 2_000;

/**
 * Waits until a command that is in the log has reached the read side.
 *
 * @throws OverloadedError when it takes longer than 5 s. The command is safe in the log and will take effect.
 */
export async function alertOnceChanged(
  readSide: ReadSide,
  tenant: string,
  id: string,
  hasChanged: (alert: Alert) => boolean,
  clock: Clock,
): Promise<Alert> {
  const deadlineMs = clock.monotonicMs() + LONGEST_MS;
  while (clock.monotonicMs() < deadlineMs) {
    const alert = await readSide.alert(tenant, id);
    if (alert !== undefined && hasChanged(alert)) return alert;
    await sleep(LOOK_EVERY_MS);
  }
  throw new OverloadedError(
    `the change of alert ${id} is in the log and will take effect, but had not after ${LONGEST_MS} ms`,
    RETRY_AFTER_MS,
  );
}
