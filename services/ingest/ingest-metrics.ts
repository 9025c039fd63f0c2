import { Counter, type Registry } from 'prom-client';

export interface IngestMetrics {
  readonly accepted: Counter;
}

export function createIngestMetrics(registry: Registry): IngestMetrics {
  const registers = [registry];
  return {
    accepted: new Counter({
      name: 'redshank_ingest_accepted_readings_total',
      help: 'Readings that are durable in the log',
      registers,
    }),
  };
}
