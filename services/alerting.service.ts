/** Alerts: opened, escalated and resolved from scores; acknowledged, resolved and judged by people. */
import { Type, type Static } from '@sinclair/typebox';
import type { Context, Service, ServiceSchema } from 'moleculer';
import { action } from '../mixins/bus/action-policy.js';
import { checkParams } from '../mixins/params.js';
import { stageMixin } from '../mixins/stage.mixin.js';
import { ALERT_STATUSES, AlertBatch, type Alert } from '../models/domain/alert.js';
import type { Command } from '../models/domain/command.js';
import { ConflictError, NotFoundError } from '../models/errors.js';
import { alertingStage } from '../models/stages/alerting.js';
import { countAlerts, createAlertingMetrics } from './alerting/alerting-metrics.js';
import { alertOnceChanged } from './alerting/alert-once-changed.js';
import { COMMAND_ALERT, LOOK } from './action-policies.js';
import type { NodeContext } from './node-context.js';
import { stageHostOptions } from './stage-host-options.js';

export const AlertParams = Type.Object({
  tenant: Type.String(),
  id: Type.String({ maxLength: 64 }),
  by: Type.String({ maxLength: 128 }),
  note: Type.Optional(Type.String({ maxLength: 2_000 })),
});
export type AlertParams = Static<typeof AlertParams>;

export const FeedbackParams = Type.Composite([
  AlertParams,
  Type.Object({ verdict: Type.Union([Type.Literal('anomaly'), Type.Literal('normal')]) }),
]);

const MOST_ALERTS = 100;

export const ListParams = Type.Object({
  tenant: Type.String(),
  status: Type.Optional(Type.Union(ALERT_STATUSES.map((status) => Type.Literal(status)))),
  device: Type.Optional(Type.String({ maxLength: 128 })),
  /** A page must fit into one message of NATS, 1 MB by default; an alert with its whole history may have 10 KB. */
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: MOST_ALERTS })),
  cursor: Type.Optional(Type.String({ maxLength: 512 })),
});

export const GetParams = Type.Object({ tenant: Type.String(), id: Type.String({ maxLength: 64 }) });

/** Answer of `alerting.list`. */
export interface AlertList {
  /** Newest `raisedMs` first. */
  readonly alerts: readonly Alert[];
  /** Give it back as `cursor` for the alerts after these; undefined at the end. */
  readonly next: string | undefined;
}

/** What a command says beside which alert, who and why. */
type Specific =
  | { readonly type: 'alert.acknowledge' | 'alert.resolve' }
  | { readonly type: 'alert.feedback'; readonly verdict: 'anomaly' | 'normal'; readonly teaches: boolean };

export function alertingService(node: NodeContext): ServiceSchema {
  const { readSide } = node.storage;
  const metrics = createAlertingMetrics(node.metrics.registry);
  let tellEveryone: (batch: AlertBatch) => void = () => undefined;

  async function find(params: Static<typeof GetParams>): Promise<Alert> {
    const alert = await readSide.alert(params.tenant, params.id);
    if (alert === undefined) throw new NotFoundError(`there is no alert ${params.id}`);
    return alert;
  }

  /** Puts a command into the device's log and answers with the alert once the command has taken effect. */
  async function command(
    ctx: Context,
    { tenant, id, by, note }: AlertParams,
    device: string,
    specific: Specific,
    hasTakenEffect: (alert: Alert) => boolean,
  ): Promise<Alert> {
    const whole: Command = { ...specific, alertId: id, by, ...(note === undefined ? {} : { note }) };
    await ctx.call('ingest.command', { tenant, device, command: whole });
    return alertOnceChanged(readSide, tenant, id, hasTakenEffect, node.clock);
  }

  const { mixin } = stageMixin({
    ...stageHostOptions(node),
    stage: alertingStage,
    projection: {
      topic: 'alerts',
      position: (partition) => readSide.position('alerts', partition),
      write: (partition, sequence, batch, after) => readSide.writeAlerts(partition, sequence, batch, after),
      forget: () => readSide.forget(),
      decode: (bytes) => AlertBatch.decode(bytes),
    },
    onCommitted: (batch) => {
      countAlerts(metrics, batch.records);
      tellEveryone(batch);
    },
  });

  return {
    name: 'alerting',
    mixins: [mixin],
    actions: {
      list: action(LOOK, async (ctx: Context): Promise<AlertList> => {
        const { tenant, limit, ...query } = checkParams(ListParams, ctx.params);
        const { items, next } = await readSide.alerts(tenant, { ...query, limit: limit ?? MOST_ALERTS });
        return { alerts: items, next };
      }),
      get: action(LOOK, (ctx: Context): Promise<Alert> => find(checkParams(GetParams, ctx.params))),
      acknowledge: action(COMMAND_ALERT, async (ctx: Context): Promise<Alert> => {
        const params = checkParams(AlertParams, ctx.params);
        const alert = await find(params);
        if (alert.status === 'acknowledged') return alert;
        if (alert.status === 'resolved') throw new ConflictError(`alert ${alert.id} is resolved already`);
        return command(ctx, params, alert.device, { type: 'alert.acknowledge' }, (now) => now.status !== 'open');
      }),
      resolve: action(COMMAND_ALERT, async (ctx: Context): Promise<Alert> => {
        const params = checkParams(AlertParams, ctx.params);
        const alert = await find(params);
        if (alert.status === 'resolved') return alert;
        return command(ctx, params, alert.device, { type: 'alert.resolve' }, (now) => now.status === 'resolved');
      }),
      feedback: action(COMMAND_ALERT, async (ctx: Context): Promise<Alert> => {
        const params = checkParams(FeedbackParams, ctx.params);
        const { verdict } = params;
        const alert = await find(params);
        if (alert.feedback === verdict) return alert;
        // Of an alert that is over, the person does not judge what goes on now: nothing is learned from that.
        const teaches = alert.status !== 'resolved';
        const specific = { type: 'alert.feedback', verdict, teaches } as const;
        return command(ctx, params, alert.device, specific, (now) => now.feedback === verdict);
      }),
    },
    created(this: Service) {
      tellEveryone = (batch) => {
        for (const record of batch.records) {
          const [event, payload] =
            record.change === 'forgotten'
              ? ['device.forgotten', { tenant: record.tenant, device: record.device }]
              : [`alert.${record.change}`, { alert: record.alert }];
          this.broker.broadcast(event, payload).catch((error: unknown) => {
            node.logger.warn({ err: error }, 'an alert event was not told');
          });
        }
      };
    },
  };
}
