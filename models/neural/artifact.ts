/**
 * A trained model as it is stored: one file, named by its content. The same training gives the same bytes, and nothing in it is run.
 *
 *     8 bytes  "RSHKMDL1"
 *     4 bytes  length of the header, little endian
 *     header   JSON with keys in order, UTF-8, then 0 to 3 zeros
 *     weights  32-bit floats, little endian
 */
import { createHash } from 'node:crypto';
import { Type, type Static } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import { ModelInvalidError } from '../errors.js';
import { canonicalJson } from '../domain/canonical-json.js';
import { Network } from './network.js';
import { MOST_WEIGHTS, Topology } from './topology.js';

const strict = { additionalProperties: false } as const;
const Channel = Type.String({ minLength: 1, maxLength: 128 });
const Positive = Type.Number({ exclusiveMinimum: 0 });
const Count = Type.Integer({ minimum: 0 });

export const ARCHITECTURES = ['dense', 'lstm', 'convolution'] as const;
export type Architecture = (typeof ARCHITECTURES)[number];

const Header = Type.Object(
  {
    architecture: Type.Union([...ARCHITECTURES, 'imported'].map((name) => Type.Literal(name))),
    /** In the order of the network's inputs. */
    channels: Type.Array(Channel, { minItems: 1, maxItems: 256 }),
    topology: Topology,
    normaliser: Type.Object(
      {
        mean: Type.Array(Type.Number(), { maxItems: 256 }),
        spread: Type.Array(Positive, { maxItems: 256 }),
        priorFrames: Type.Integer({ minimum: 0, maximum: 1_000_000 }),
      },
      strict,
    ),
    /** Of the last row of a window, on ordinary data that was not trained on. */
    errors: Type.Object(
      {
        /** Root mean square a channel, in units of the normalised values. */
        spread: Type.Array(Positive, { maxItems: 256 }),
        /** What 98 % of the mean squares, each in units of `spread`, stay below. */
        level: Positive,
      },
      strict,
    ),
    training: Type.Object(
      {
        /** SHA-256 of the values trained on, or that the errors of an imported network were measured on; so for what follows. */
        fingerprint: Type.String({ maxLength: 64 }),
        rows: Count,
        devices: Count,
        windows: Count,
        /** 0 for an imported network. */
        epochs: Count,
        seed: Count,
        /** `none` for an imported network. */
        backend: Type.String({ maxLength: 16 }),
        /** Unix ms of the first and the last row. */
        fromMs: Type.Union([Type.Number(), Type.Null()]),
        toMs: Type.Union([Type.Number(), Type.Null()]),
        /** Of each epoch. */
        loss: Type.Array(Type.Number(), { maxItems: 10_000 }),
        validationLoss: Type.Array(Type.Number(), { maxItems: 10_000 }),
        /** Version of Redshank. */
        codeVersion: Type.String({ maxLength: 64 }),
      },
      strict,
    ),
  },
  strict,
);
export type ArtifactHeader = Static<typeof Header>;

export interface Artifact {
  /** 64 hex digits of the SHA-256 of the bytes. */
  readonly version: string;
  readonly header: ArtifactHeader;
  readonly network: Network;
}

const MAGIC = Buffer.from('RSHKMDL1');
const HEADER_AT = MAGIC.length + 4;
const MOST_HEADER_BYTES = 1_000_000;
export const MOST_ARTIFACT_BYTES = HEADER_AT + MOST_HEADER_BYTES + 4 + 4 * MOST_WEIGHTS;

const VERSION = /^[0-9a-f]{64}$/;

export function isArtifactVersion(text: unknown): text is string {
  return typeof text === 'string' && VERSION.test(text);
}

/** @throws ModelInvalidError when header and weights do not go together */
export function encodeArtifact(header: ArtifactHeader, weights: Float32Array): Uint8Array {
  check(header);
  new Network(header.topology, weights);
  const text = Buffer.from(canonicalJson(header));
  const weightsAt = HEADER_AT + Math.ceil(text.length / 4) * 4;
  const bytes = new Uint8Array(weightsAt + 4 * weights.length);
  bytes.set(MAGIC);
  const view = new DataView(bytes.buffer);
  view.setUint32(MAGIC.length, text.length, true);
  bytes.set(text, HEADER_AT);
  weights.forEach((weight, i) => view.setFloat32(weightsAt + 4 * i, weight, true));
  return bytes;
}

/** @throws ModelInvalidError naming what is wrong: no model, damaged, too large, of another shape than it says, not finite */
export function decodeArtifact(bytes: Uint8Array): Artifact {
  if (bytes.length > MOST_ARTIFACT_BYTES) refuse(`must have at most ${MOST_ARTIFACT_BYTES} bytes, got ${bytes.length}`);
  if (bytes.length < HEADER_AT || !MAGIC.equals(bytes.subarray(0, MAGIC.length))) refuse('must begin with RSHKMDL1');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = view.getUint32(MAGIC.length, true);
  if (length > MOST_HEADER_BYTES || HEADER_AT + length > bytes.length) {
    refuse(`must have a header of at most ${MOST_HEADER_BYTES} bytes within its own length, got ${length}`);
  }
  const header = parse(bytes.subarray(HEADER_AT, HEADER_AT + length));
  check(header);
  const weightsAt = HEADER_AT + Math.ceil(length / 4) * 4;
  if ((bytes.length - weightsAt) % 4 !== 0)
    refuse(`must end with whole weights, got ${bytes.length - weightsAt} bytes`);
  const weights = Float32Array.from({ length: Math.max(0, (bytes.length - weightsAt) / 4) }, (_, i) =>
    view.getFloat32(weightsAt + 4 * i, true),
  );
  return { version: artifactVersion(bytes), header, network: new Network(header.topology, weights) };
}

/** The name of an artifact: its content. */
export function artifactVersion(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw new ModelInvalidError('a model artifact must have a header in JSON', { cause: error });
  }
}

function check(header: unknown): asserts header is ArtifactHeader {
  if (!Value.Check(Header, header)) {
    const first = Value.Errors(Header, header).First();
    refuse(`has a wrong header${first?.path.replaceAll('/', '.') ?? ''}: ${first?.message.toLowerCase() ?? ''}`);
  }
  const { channels, topology, normaliser, errors } = header;
  if (new Set(channels).size !== channels.length) refuse('must name each channel once');
  for (const [name, list] of [
    ['topology.channels', { length: topology.channels }],
    ['normaliser.mean', normaliser.mean],
    ['normaliser.spread', normaliser.spread],
    ['errors.spread', errors.spread],
  ] as const) {
    if (list.length !== channels.length) refuse(`must have ${channels.length} of ${name}, got ${list.length}`);
  }
}

function refuse(expected: string): never {
  throw new ModelInvalidError(`a model artifact ${expected}`);
}
