/** By what alerts are listed, whatever stores them. */
import {
  ALERT_STATUSES,
  type Alert,
  type AlertRecord,
  type AlertStatus,
  type ForgottenAlerts,
} from '../../models/domain/alert.js';

/** Ids of alerts that can be: visible ASCII. */
export const ALERT_ID = /^[\x21-\x7e]{1,256}$/;
export const ANY_DEVICE = '';
export const ANY_STATUS = 0;
/** Open alerts that a device is shown with. */
export const MOST_OPEN = 100;

/** An alert is listed once for each: with and without its device, with and without its status; newest first. */
export type AlertIndexKey = readonly [tenant: string, device: string, status: number, newestFirst: number, id: string];

export function alertIndexKeys({ tenant, device, status, raisedMs, id }: Alert): readonly AlertIndexKey[] {
  const newestFirst = 0 - raisedMs;
  return [ANY_DEVICE, device].flatMap((of) =>
    [ANY_STATUS, statusCode(status)].map((code): AlertIndexKey => [tenant, of, code, newestFirst, id]),
  );
}

/** 1, 2, …, in the order of a life. */
export function statusCode(status: AlertStatus): number {
  return ALERT_STATUSES.indexOf(status) + 1;
}

/** What records come to: of an alert that changed several times the last change, and of a device that was forgotten only what came after. */
export function lastOf(records: readonly AlertRecord[]): {
  readonly alerts: readonly Alert[];
  /** To be forgotten before the alerts are stored. */
  readonly forgotten: readonly ForgottenAlerts[];
} {
  const alerts = new Map<string, Alert>();
  const forgotten: ForgottenAlerts[] = [];
  for (const record of records) {
    if (record.change !== 'forgotten') alerts.set(`${record.alert.tenant}/${record.alert.id}`, record.alert);
    else {
      forgotten.push(record);
      for (const [key, { tenant, device }] of alerts) {
        if (tenant === record.tenant && device === record.device) alerts.delete(key);
      }
    }
  }
  return { alerts: [...alerts.values()], forgotten };
}
