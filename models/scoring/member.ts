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
  readonly evidence: Evidence;
}

/** Raw strangeness: 3 bins a factor e, from 0.05 to about 1,000; a Gaussian's mean excess over its 5 % quantile is 0.25. */
export const TAIL = new TailHistogram({
  bins: 32,
  binsPerEFold: 3,
  lowest: 0.05,
  horizon: 20_000,
  isConcave: true,
  priorExcess: 0.4,
});
/** @param kernelAt where its numbers begin in a device's state */
export function createMember(
  detector: AnyDetector,
  settings: Readonly<Record<string, unknown>>,
  channels: number,
  kernelAt: number,
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
    evidence: createEvidence(channels),
  };
}

/** Writes a newborn's numbers. */
export function initMember(state: Float64Array, member: Member): void {
  member.kernel.init(state, member.kernelAt);
  for (let i = 0; i < member.tails; i++) TAIL.init(state, member.tailsAt + i * TAIL.length);
}

/** Takes a tail over from another state. */
export function copyTail(from: Float64Array, fromAt: number, to: Float64Array, toAt: number): void {
  to.set(from.subarray(fromAt, fromAt + TAIL.length), toAt);
}
