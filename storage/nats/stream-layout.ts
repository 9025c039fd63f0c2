/** How streams must lie on the server, and what is wrong with one that does not. */
import { StoreCompression, type StreamConfig, type StreamInfo } from '@nats-io/jetstream';
import { StorageCorruptError } from '../../models/errors.js';
import { JetStreamRefusal, RefusalCode, type JetStreamApi } from './jetstream-api.js';

/** What decides over promises, so a stream that differs in one of these is refused. */
export interface StreamLayout {
  readonly name: string;
  readonly subjects: readonly string[];
  /** Messages older than this are forgotten, in ns; 0: never. */
  readonly max_age: number;
  /** -1: no limit. */
  readonly max_msgs_per_subject: number;
  readonly deny_delete: boolean;
  readonly allow_rollup_hdrs: boolean;
  /** How long message ids are remembered, in ns. */
  readonly duplicate_window: number;
}

export const NANOSECONDS_A_MS = 1_000_000;

/** The whole configuration with which the stream is created. @param version of the server, `2.9.10`. */
export function streamConfig(
  layout: StreamLayout,
  replicas: number,
  version: string,
): Partial<StreamConfig> & { name: string } {
  return {
    ...layout,
    subjects: [...layout.subjects],
    retention: 'limits',
    storage: 'file',
    // New messages are refused when a limit of the account is met: old ones that somebody still needs never go.
    discard: 'new',
    max_msgs: -1,
    max_bytes: -1,
    num_replicas: replicas,
    allow_direct: true,
    ...(isAtLeast(version, 2, 10) ? { compression: StoreCompression.S2 } : {}),
  };
}

/**
 * Creates the stream unless it is there, from any number of processes at once.
 *
 * @param found what the server had when it was looked at, if that was done.
 * @param description for people, with which it is created; one that is there may have another.
 * @throws StorageCorruptError it is there with a configuration that breaks what is promised: names each difference.
 */
export async function ensureStream(
  api: JetStreamApi,
  layout: StreamLayout,
  replicas: number,
  found?: StreamInfo,
  description?: string,
): Promise<StreamInfo> {
  const info = found ?? (await createOrLook(api, layout, replicas, description));
  const differences = layoutDifferences(layout, info.config);
  if (differences.length === 0) return info;
  throw new StorageCorruptError(
    `the stream ${layout.name} is not as it was made: ${differences.join('; ')}. Correct it with the nats command, or set another NAMESPACE`,
    { data: { stream: layout.name } },
  );
}

async function createOrLook(
  api: JetStreamApi,
  layout: StreamLayout,
  replicas: number,
  description: string | undefined,
): Promise<StreamInfo> {
  try {
    return await api.createStream({
      ...streamConfig(layout, replicas, api.connection.server.version),
      ...(description === undefined ? {} : { description }),
    });
  } catch (error) {
    if (!(error instanceof JetStreamRefusal) || !MAY_BE_THERE.has(error.errCode)) throw error;
    return await api.streamInfo(layout.name).catch((missing: unknown) => {
      const isAnother = missing instanceof JetStreamRefusal && missing.errCode === RefusalCode.streamNotFound;
      throw isAnother ? error : missing;
    });
  }
}

/** Two processes that create a stream at the same moment: the server (2.9.10) then tells one that it overlaps with itself. */
const MAY_BE_THERE: ReadonlySet<number> = new Set([RefusalCode.streamExistsOtherwise, RefusalCode.subjectsOverlap]);

/** In words, one for each field. A longer memory for message ids is no difference. */
export function layoutDifferences(layout: StreamLayout, found: StreamConfig): readonly string[] {
  const wanted: Partial<StreamConfig> = {
    ...streamConfig(layout, found.num_replicas, '0.0.0'),
    duplicate_window: Math.max(layout.duplicate_window, found.duplicate_window),
    sealed: false,
    deny_purge: false,
  };
  const differences: string[] = [];
  for (const [name, value] of Object.entries(wanted)) {
    // What the server leaves out of its answer is false or 0.
    const actual: unknown = found[name as keyof StreamConfig] ?? (typeof value === 'boolean' ? false : 0);
    if (JSON.stringify(actual) !== JSON.stringify(value)) {
      differences.push(`${name} must be ${JSON.stringify(value)}, got ${JSON.stringify(actual)}`);
    }
  }
  if (found.mirror !== undefined) differences.push('it must not be a mirror');
  if ((found.sources?.length ?? 0) > 0) differences.push('it must have no sources');
  return differences;
}

/** `nats-server` versions, `2.10.23` or `2.11.0-preview.1`. */
export function isAtLeast(version: string, major: number, minor: number): boolean {
  const [ofMajor = 0, ofMinor = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
  return ofMajor > major || (ofMajor === major && ofMinor >= minor);
}
