import { Type } from '@sinclair/typebox';
import { STAGES } from '../../../models/stages/stage.js';
import { word } from './common.js';

const Count = Type.Integer({ minimum: 0 });
const Ms = Type.Union([Type.Number(), Type.Null()]);

const Partition = Type.Object(
  {
    partition: Count,
    owner: Type.Union([Type.String(), Type.Null()], { description: 'Null while nobody runs it' }),
    epoch: Count,
    position: Count,
    lag: Type.Union([Count, Type.Null()], { description: 'Chunks that wait' }),
    devices: Count,
    readSide: Type.Union([Type.Object({ shown: Count, end: Count }), Type.Null()]),
    failure: Type.Optional(Type.String()),
  },
  { $id: 'Partition' },
);

const Silent = Type.Array(Type.Object({ node: Type.String(), reason: Type.String() }));

export const Cluster = Type.Object(
  {
    services: Type.Record(Type.String(), Type.Array(Type.String()), { description: 'Nodes that run each service' }),
    clocks: Type.Array(Type.Object({ node: Type.String(), aheadMs: Ms, roundTripMs: Ms })),
    stages: Type.Array(
      Type.Object({
        stage: word(STAGES),
        replicas: Type.Array(Type.String()),
        silent: Silent,
        partitions: Type.Array(Partition),
      }),
    ),
  },
  { $id: 'Cluster' },
);

export const ScalePlans = Type.Object(
  {
    plans: Type.Array(
      Type.Object({
        stage: word(STAGES),
        replicas: Count,
        wanted: Count,
        before: Type.Record(Type.String(), Count),
        after: Type.Record(Type.String(), Count),
        moves: Type.Array(
          Type.Object({
            partition: Count,
            from: Type.Union([Type.String(), Type.Null()]),
            to: Type.String(),
            devices: Count,
          }),
        ),
        partitions: Count,
        devices: Count,
        movedShare: Type.Number({ minimum: 0, maximum: 1 }),
      }),
    ),
  },
  { $id: 'ScalePlans' },
);

export const Rebuild = Type.Object(
  {
    silent: Type.Array(Type.Object({ stage: Type.String(), node: Type.String(), reason: Type.String() }), {
      description: 'Replicas that did not hear of it; they notice within seconds',
    }),
  },
  { $id: 'Rebuild' },
);
