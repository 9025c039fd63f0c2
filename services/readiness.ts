/** Whether a process can do its job: asked by its own probes, and by those of the gateway. */
import type { ServiceName } from '../models/settings.js';
import { toProblem } from './gateway/problem.js';

interface Readiness {
  readonly ready: boolean;
  readonly reason?: string;
}

/** Calls an action; `nodeID` undefined: wherever it is. */
export type Ask = <T>(action: string, nodeID: string | undefined) => Promise<T>;

/**
 * A process is ready when all its services are; a gateway also needs an `ingest` somewhere, or it could take no reading.
 *
 * @param nodeId of this process.
 */
export async function whyNotReady(
  ask: Ask,
  services: readonly ServiceName[],
  nodeId: string,
): Promise<string | undefined> {
  const asked: { readonly service: ServiceName; readonly at: string | undefined }[] = services
    .filter((service) => service !== 'gateway')
    .map((service) => ({ service, at: nodeId }));
  if (services.includes('gateway') && !services.includes('ingest')) asked.push({ service: 'ingest', at: undefined });
  for (const { service, at } of asked) {
    try {
      const { ready, reason } = await ask<Readiness>(`${service}.ready`, at);
      if (!ready) return reason ?? `${service} is not ready`;
    } catch (error) {
      return `${service} does not answer: ${String(toProblem(error, undefined).body['detail'])}`;
    }
  }
  return undefined;
}
