/** Event time: turns readings into frames. */
import { Type } from '@sinclair/typebox';
import type { Context, ServiceSchema } from 'moleculer';
import { checkParams } from '../mixins/params.js';
import { partitionedAction } from '../mixins/routing/partition-strategy.js';
import { stageMixin } from '../mixins/stage.mixin.js';
import { deviceKey } from '../models/domain/identity.js';
import { quoteValue } from '../models/domain/quote-value.js';
import { NotFoundError } from '../models/errors.js';
import { partitionOf } from '../models/routing/partition.js';
import { windowStage } from '../models/stages/window.js';
import { windowView, type WindowView } from '../models/stages/window/window-view.js';
import type { NodeContext } from './node-context.js';
import { stageHostOptions } from './stage-host-options.js';

const DeviceParams = Type.Object({ tenant: Type.String(), device: Type.String() });

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
        handler(ctx: Context): WindowView {
          const { tenant, device } = checkParams(DeviceParams, ctx.params);
          const key = deviceKey(tenant, device);
          const view = inspect(partitionOf(key, partitions), (state) => windowView(state, key));
          if (view === undefined) throw new NotFoundError(`no device ${quoteValue(device)} is known`);
          return view;
        },
      },
    },
  };
}
