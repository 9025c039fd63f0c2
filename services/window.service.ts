/** Event time: turns readings into frames. */
import { Type } from '@sinclair/typebox';
import type { Context, ServiceSchema } from 'moleculer';
import { action } from '../mixins/bus/action-policy.js';
import { BusContext } from '../mixins/bus/bus-context.js';
import { callerOf } from '../mixins/bus/caller.js';
import { checkParams } from '../mixins/params.js';
import { partitionedAction } from '../mixins/routing/partition-strategy.js';
import { stageMixin } from '../mixins/stage.mixin.js';
import { deviceKey } from '../models/domain/identity.js';
import { quoteValue } from '../models/domain/quote-value.js';
import { NotFoundError, NotOwnerError } from '../models/errors.js';
import { partitionOf } from '../models/routing/partition.js';
import { windowStage } from '../models/stages/window.js';
import { windowView, type WindowView } from '../models/stages/window/window-view.js';
import { LOOK } from './action-policies.js';
import type { NodeContext } from './node-context.js';
import { stageHostOptions } from './stage-host-options.js';

export const DeviceParams = Type.Object({ tenant: Type.String(), device: Type.String({ maxLength: 128 }) });

export function windowService(node: NodeContext): ServiceSchema {
  const { partitions } = node.settings;
  const { mixin, inspect } = stageMixin({
    ...stageHostOptions(node),
    stage: windowStage,
    projection: undefined,
    onCommitted: undefined,
  });
  return {
    name: 'window',
    mixins: [mixin],
    actions: {
      /** The device's window as it is now, from the replica that owns it. */
      get: {
        ...partitionedAction(partitions),
        ...action(LOOK, async (ctx: Context): Promise<WindowView> => {
          const { tenant, device } = checkParams(DeviceParams, ctx.params);
          const key = deviceKey(tenant, device);
          try {
            const view = inspect(partitionOf(key, partitions), (state) => windowView(state, key));
            if (view === undefined) throw new NotFoundError(`no device ${quoteValue(device)} is known`);
            return view;
          } catch (error) {
            if (!(error instanceof NotOwnerError && isOfAnotherTeam(ctx))) throw error;
            return ctx.call<WindowView, object>('window.get', { tenant, device });
          }
        }),
      },
    },
  };
}

/** Other teams do not know who owns what: their call goes on to the owner from here. Not for ever, as this process now makes it. */
function isOfAnotherTeam(context: Context): boolean {
  return callerOf(context).kind === 'key' && context instanceof BusContext && !context.isLocal;
}
