/** A detector as part of an ensemble: its kernel, what it said of the latest frame, and where its numbers lie. */
import {
  createEvidence,
  EVEN_VOTE,
  stateLength,
  type AnyDetector,
  type DetectorKernel,
  type Evidence,
  type StrangenessScale,
  type VoteWeights,
} from '../detectors/detector.js';
import { TailHistogram } from '../statistics/tail-histogram.js';

/** Kernel state from `kernelAt`, then from `tailsAt` one tail a channel, or one in all, or none for what has its own. */
export interface Member {
  readonly key: string;
  readonly kernel: DetectorKernel;
  readonly isPerChannel: boolean;
  readonly scale: StrangenessScale;
  readonly vote: VoteWeights;
  readonly isPlainFact: boolean;
  readonly kernelAt: number;
  readonly tailsAt: number;
  readonly tails: number;
  readonly tail: TailHistogram;
  readonly evidence: Evidence;
}

/** Raw strangeness, from 0.05 to about 1,000; a Gaussian's mean excess over its 5 % quantile is 0.25. */
const SHAPE = { lowest: 0.05, horizon: 20_000, isConcave: true, priorExcess: 0.4 } as const;
/** In steps of a third of a factor e, and of a factor e. */
export const FINE_TAIL = new TailHistogram({ ...SHAPE, bins: 32, binsPerEFold: 3 });
export const COARSE_TAIL = new TailHistogram({ ...SHAPE, bins: 12, binsPerEFold: 1 });

/** @param kernelAt where its numbers begin in a device's state */
export function createMember(
  detector: AnyDetector,
  settings: Readonly<Record<string, unknown>>,
  channels: number,
  kernelAt: number,
  tail: TailHistogram,
): Member {
  const kernel = detector.kernel(channels, settings);
  const isPerChannel = detector.scope === 'channel';
  const entries = Object.entries(settings).sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    key: `${detector.name} ${JSON.stringify(entries)}`,
    kernel,
    isPerChannel,
    scale: detector.scale ?? 'plain',
    vote: detector.vote ?? EVEN_VOTE,
    isPlainFact: detector.isPlainFact === true,
    kernelAt,
    tailsAt: kernelAt + stateLength(kernel, channels),
    tails: detector.scale === 'rarity' ? 0 : isPerChannel ? channels : 1,
    tail,
    evidence: createEvidence(channels),
  };
}

/** Where the numbers of the next member begin. */
export function endOf(member: Member): number {
  return member.tailsAt + member.tails * member.tail.length;
}

/** Writes a newborn's numbers. */
export function initMember(state: Float64Array, member: Member): void {
  member.kernel.init(state, member.kernelAt);
  for (let i = 0; i < member.tails; i++) member.tail.init(state, member.tailsAt + i * member.tail.length);
}

/** Takes a tail over from another state. @param from index of the tail there, @param to here */
export function copyTail(
  former: Member,
  old: Float64Array,
  from: number,
  member: Member,
  state: Float64Array,
  to: number,
): void {
  const { length } = member.tail;
  if (former.tail.length !== length) return;
  const start = former.tailsAt + from * length;
  state.set(old.subarray(start, start + length), member.tailsAt + to * length);
}
