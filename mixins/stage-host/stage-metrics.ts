/** What a stage shows to Prometheus. Labels are stages and partition numbers: never a device. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

export interface StageMetrics {
  readonly records: Counter<'stage'>;
  readonly takeOvers: Counter<'stage'>;
  readonly stepDowns: Counter<'stage'>;
  readonly failures: Counter<'stage'>;
  readonly standAsides: Counter<'stage'>;
  readonly projectionFailures: Counter<'stage'>;
  readonly failedSnapshots: Counter<'stage'>;
  readonly unreadableSnapshots: Counter<'stage'>;
  readonly workSeconds: Counter<'stage'>;
  readonly takeOverSeconds: Counter<'stage'>;
  readonly replayed: Counter<'stage'>;
  readonly epoch: Gauge<'stage' | 'partition'>;
  readonly lag: Gauge<'stage' | 'partition'>;
  readonly devices: Gauge<'stage'>;
  readonly owned: Gauge<'stage'>;
  readonly partitions: Gauge<'stage'>;
  readonly unsaved: Gauge<'stage' | 'partition'>;
  readonly snapshotBytes: Gauge<'stage' | 'partition'>;
  readonly snapshotTime: Gauge<'stage' | 'partition'>;
  readonly snapshotSeconds: Histogram<'stage'>;
}

/** Shows the counters of a stage from 0 on: what grows from nothing has no rate. */
export function beginCounting(metrics: StageMetrics, stage: string): void {
  const { records, takeOvers, stepDowns, failures, standAsides, projectionFailures } = metrics;
  const { failedSnapshots, unreadableSnapshots, workSeconds, takeOverSeconds, replayed } = metrics;
  const moves = [takeOvers, takeOverSeconds, replayed, stepDowns, failures, standAsides];
  const writes = [records, workSeconds, projectionFailures, failedSnapshots, unreadableSnapshots];
  for (const counter of [...moves, ...writes]) counter.inc({ stage }, 0);
}

export function createStageMetrics(registry: Registry): StageMetrics {
  const registers = [registry];
  const counter = (name: string, help: string) =>
    new Counter({ name, help, labelNames: ['stage'] as const, registers });
  const perPartition = (name: string, help: string) =>
    new Gauge({ name, help, labelNames: ['stage', 'partition'] as const, registers });
  return {
    records: counter('redshank_stage_records_total', 'Records committed to the output topic of a stage'),
    takeOvers: counter('redshank_stage_take_overs_total', 'Partitions taken over'),
    stepDowns: counter('redshank_stage_step_downs_total', 'Partitions given up because a newer owner had written'),
    failures: counter('redshank_stage_failures_total', 'Runs of a partition that ended with an error'),
    standAsides: counter(
      'redshank_stage_stand_asides_total',
      'Times that nothing ran here and others were let take over',
    ),
    projectionFailures: counter('redshank_stage_projection_failures_total', 'Writes to the read side that failed'),
    failedSnapshots: counter('redshank_stage_failed_snapshots_total', 'Snapshots that could not be stored'),
    unreadableSnapshots: counter('redshank_stage_unreadable_snapshots_total', 'Snapshots that could not be read'),
    workSeconds: counter(
      'redshank_stage_work_seconds_total',
      'Time spent on input: decoding it, and the steps themselves',
    ),
    takeOverSeconds: counter('redshank_stage_take_over_seconds_total', 'Time from a lease to the first new record'),
    replayed: counter('redshank_stage_replayed_records_total', 'Records of the input read again in take-overs'),
    epoch: perPartition('redshank_stage_epoch', 'Epoch under which a partition is run here'),
    lag: perPartition('redshank_stage_lag_chunks', 'Chunks of the input topic that wait'),
    devices: new Gauge({
      name: 'redshank_stage_devices',
      help: 'Devices in the state of a stage',
      labelNames: ['stage'],
      registers,
    }),
    owned: new Gauge({
      name: 'redshank_stage_owned_partitions',
      help: 'Partitions that this process runs',
      labelNames: ['stage'],
      registers,
    }),
    partitions: new Gauge({
      name: 'redshank_stage_partitions',
      help: 'Partitions that there are, whoever runs them',
      labelNames: ['stage'],
      registers,
    }),
    unsaved: perPartition('redshank_stage_unsaved_records', 'Records of the input since the newest snapshot'),
    snapshotBytes: perPartition('redshank_stage_snapshot_bytes', 'Size of the newest snapshot'),
    snapshotTime: perPartition(
      'redshank_stage_snapshot_timestamp_seconds',
      'Unix time of the newest snapshot, or of the take-over before it',
    ),
    snapshotSeconds: new Histogram({
      name: 'redshank_stage_snapshot_seconds',
      help: 'Time to take and store a snapshot',
      labelNames: ['stage'],
      buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10],
      registers,
    }),
  };
}
