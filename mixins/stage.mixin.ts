/**
 * Makes a service the host of a stage: it takes partitions over when the service starts, and commits, snapshots and hands
 * them over when it stops. A stage author writes only the pure `Stage`.
 */
import type { ServiceSchema } from 'moleculer';
import type { InputBatch, OutputBatch } from '../models/stages/stage.js';
import { StageHost, type StageHostOptions } from './stage-host/stage-host.js';

const MEASURE_EVERY_MS = 5_000;

export function stageMixin<State, Input extends InputBatch, Output extends OutputBatch>(
  options: StageHostOptions<State, Input, Output>,
): Partial<ServiceSchema> {
  const host = new StageHost(options);
  let measuring: NodeJS.Timeout | undefined;
  return {
    actions: {
      /** Partitions with owner, epoch, position, lag and devices, as this replica sees them. */
      partitions: () => host.status(),
      /** `{ready, reason?}`: false until every partition runs. */
      ready: () => {
        const reason = host.notReady();
        return reason === undefined ? { ready: true } : { ready: false, reason };
      },
    },
    started() {
      host.start();
      measuring = setInterval(() => {
        host.measure().catch((error: unknown) => options.logger.warn({ err: error }, 'lag could not be measured'));
      }, MEASURE_EVERY_MS);
      return Promise.resolve();
    },
    async stopped() {
      clearInterval(measuring);
      await host.stop();
    },
  };
}
