import { Counter, Gauge, type Registry } from 'prom-client';

export interface IngestMetrics {
  readonly accepted: Counter;
  readonly mqttMessages: Counter<'format' | 'result'>;
  readonly mqttHolder: Gauge;
  readonly logUsed: Gauge;
  readonly logFree: Gauge;
}

export function createIngestMetrics(registry: Registry): IngestMetrics {
  const registers = [registry];
  return {
    accepted: new Counter({
      name: 'redshank_ingest_accepted_readings_total',
      help: 'Readings that are durable in the log',
      registers,
    }),
    mqttMessages: new Counter({
      name: 'redshank_mqtt_messages_total',
      help: 'Messages of MQTT clients, by format (telemetry, sparkplug) and whether any of it was refused',
      labelNames: ['format', 'result'],
      registers,
    }),
    mqttHolder: new Gauge({
      name: 'redshank_mqtt_is_reading',
      help: '1 where this process is the one that reads what MQTT clients publish',
      registers,
    }),
    logUsed: new Gauge({
      name: 'redshank_log_used_bytes',
      help: 'What the log takes on disk, with everything else that is kept at NATS',
      registers,
    }),
    logFree: new Gauge({
      name: 'redshank_log_free_bytes',
      help: 'What it may still take; absent where the account at NATS has no limit',
      registers,
    }),
  };
}
