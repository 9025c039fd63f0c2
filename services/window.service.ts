/** Event time: turns readings into frames. */
import type { ServiceSchema } from 'moleculer';
import { stageMixin } from '../mixins/stage.mixin.js';
import { windowStage } from '../models/stages/window.js';
import type { NodeContext } from './node-context.js';
import { stageHostOptions } from './stage-host-options.js';

export function windowService(node: NodeContext): ServiceSchema {
  return {
    name: 'window',
    mixins: [
      stageMixin({ ...stageHostOptions(node), stage: windowStage, projection: undefined, onCommitted: undefined }),
    ],
  };
}
