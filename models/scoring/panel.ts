/**
 * The detectors of an ensemble and what they said of the latest frame: how strange each finds each channel, what the levelled ones
 * vote, and how rare the strongest few of the others find it. Keeps nothing of a device; its numbers lie in the state it is given.
 */
import { clearEvidence, TEACH, type AnyDetector, type FrameView } from '../detectors/detector.js';
import { autoencoderOf, fitsModel, type Acquaintance } from '../detectors/autoencoder.js';
import { choicesOf, ENSEMBLES } from '../detectors/ensembles.js';
import { findDetector } from '../detectors/index.js';
import { ReasonCode } from '../domain/reasons.js';
import { SettingInvalidError } from '../errors.js';
import type { Artifact } from '../neural/artifact.js';
import type { DetectionProfile } from '../profiles/detection-profile.js';
import type { CounterLens } from './counters.js';
import { COARSE_TAIL, createMember, endOf, FINE_TAIL, type Member } from './member.js';
import type { ReasonList } from './reason-list.js';
import { LEAST_VOTE, voteOf } from './strength.js';
import { strongestFew } from './strongest-few.js';

/** Reasons are given for channels at least this rare, in decades. */
const REASON_RARITY = 1.5;

/** The trained model of a profile, for devices with these channels. */
export interface ModelForChannels {
  readonly artifact: Artifact;
  readonly channels: readonly string[];
  /** Default: that of a device which was never seen. */
  readonly acquaintance?: Acquaintance;
  /** Whether it is asked alone. Default: no. */
  readonly isAlone?: boolean;
}

export interface ChosenDetector {
  readonly detector: AnyDetector;
  readonly settings: Readonly<Record<string, unknown>>;
}

/**
 * The detectors of a profile for devices with so many channels, the levelled ones first, in whatever order it names them.
 *
 * @throws SettingInvalidError for a detector that is not in the catalogue, or when there is none
 */
export function chooseDetectors(
  profile: DetectionProfile,
  channels: number,
  model: ModelForChannels | undefined,
): readonly ChosenDetector[] {
  const isReadyMade = profile.detectors.length === 0;
  const all = isReadyMade ? choicesOf(profile.ensemble, profile.without, channels) : profile.detectors;
  const choices = model?.isAlone === true ? [] : all;
  if (choices.length === 0 && model === undefined) {
    throw new SettingInvalidError([`an ensemble for ${channels} channels must have a detector, got none`]);
  }
  const found: ChosenDetector[] = choices.map(({ name, settings }) => ({ detector: detectorOf(name), settings }));
  if (model !== undefined && fitsModel(model.artifact, model.channels)) {
    const { artifact } = model;
    const detector = autoencoderOf(artifact, model.channels, model.acquaintance);
    found.push({ detector, settings: { model: artifact.version } });
  }
  return [...found.filter(isLevelled), ...found.filter((one) => !isLevelled(one))];
}

export function isLevelled({ detector }: ChosenDetector): boolean {
  return detector.scale === 'level';
}

export class Panel {
  readonly members: readonly Member[];
  /** Where the state goes on behind the last member. */
  readonly end: number;
  readonly hasLevelled: boolean;
  /** Whether some detector knows what has been before. */
  readonly hasNovelty: boolean;
  /** Of the latest frame: what the levelled detectors say of its strength, of an onset, and of what lasts. */
  strengthVote = 0;
  onsetVote = 0;
  lastingVote = 0;
  hasVotes = false;
  /** How rare the strongest few of the others find it, in decades. */
  few = 0;
  /** Whether the loudest of them states a plain fact. */
  isFact = false;
  readonly #channels: number;
  /** Rarity by member and channel. */
  readonly #rarity: Float64Array;
  readonly #memberRarity: Float64Array;
  /** Levelled members stand first; where there are others, those alone are the few. */
  readonly #firstOfFew: number;

  /**
   * @param chosen levelled ones first
   * @param at where the numbers of the first begin in a device's state
   * @throws SettingInvalidError for bad settings of a detector
   */
  constructor(profile: DetectionProfile, chosen: readonly ChosenDetector[], channels: number, at: number) {
    const isCoarse = profile.detectors.length === 0 && ENSEMBLES[profile.ensemble].isCoarse;
    const members: Member[] = [];
    let next = at;
    for (const { detector, settings } of chosen) {
      const member = createMember(detector, settings, channels, next, isCoarse ? COARSE_TAIL : FINE_TAIL);
      members.push(member);
      next = endOf(member);
    }
    const levelled = members.filter(({ scale }) => scale === 'level').length;
    this.members = members;
    this.end = next;
    this.hasLevelled = levelled > 0;
    this.hasNovelty = members.some(({ scale }) => scale === 'rarity');
    this.#channels = channels;
    this.#firstOfFew = levelled < members.length ? levelled : 0;
    this.#rarity = new Float64Array(members.length * channels);
    this.#memberRarity = new Float64Array(members.length);
  }

  /** Asks all of them. Their narrowest band of each channel comes into the last three, NaN where there is none. */
  ask(state: Float64Array, frame: FrameView, expected: Float64Array, lower: Float64Array, upper: Float64Array): void {
    const channels = this.#channels;
    expected.fill(NaN);
    lower.fill(NaN);
    upper.fill(NaN);
    for (let m = 0; m < this.members.length; m++) {
      const member = this.members[m]!;
      const { evidence } = member;
      clearEvidence(evidence);
      member.kernel.score(state, member.kernelAt, frame, evidence);
      this.#rate(state, member, m);
      for (let c = 0; c < channels; c++) {
        // Of several bands the narrowest says most.
        const width = evidence.upper[c]! - evidence.lower[c]!;
        if (width >= upper[c]! - lower[c]! || !Number.isFinite(width)) continue;
        expected[c] = evidence.expected[c]!;
        lower[c] = evidence.lower[c]!;
        upper[c] = evidence.upper[c]!;
      }
    }
    this.#vote();
    this.few = strongestFew(this.#memberRarity, this.#firstOfFew, this.members.length - this.#firstOfFew);
    this.#seekFact();
  }

  /** Mean of what the detectors of novelty say, each of its strangest channel. */
  novelty(): number {
    let sum = 0;
    let count = 0;
    for (const { scale, evidence } of this.members) {
      if (scale !== 'rarity') continue;
      sum += largest(evidence.strangeness, 0, this.#channels);
      count++;
    }
    return sum / count;
  }

  /** Writes each channel's share in what is strange: they sum to 1, or are all 0. */
  contributions(out: Float64Array): void {
    const channels = this.#channels;
    let total = 0;
    for (let c = 0; c < channels; c++) {
      let sum = 0;
      for (let m = 0; m < this.members.length; m++) sum += this.#rarity[m * channels + c]! ** 2;
      out[c] = sum;
      total += sum;
    }
    for (let c = 0; c < channels; c++) out[c] = total > 0 ? out[c]! / total : 0;
  }

  offerReasons(state: Float64Array, lens: CounterLens, reasons: ReasonList): void {
    const channels = this.#channels;
    for (let m = 0; m < this.members.length; m++) {
      const { evidence } = this.members[m]!;
      for (let c = 0; c < channels; c++) {
        const rarity = this.#rarity[m * channels + c]!;
        if (rarity < REASON_RARITY || evidence.reason[c] === 0) continue;
        const code = lens.isCounter(state, c) ? reasonOfRise(evidence.reason[c]!) : evidence.reason[c]!;
        reasons.offer(code, c, evidence.reasonA[c]!, evidence.reasonB[c]!, rarity);
      }
    }
  }

  /**
   * The detectors learn the frame.
   *
   * @param weight what it counts for; above 1 a person has said so
   * @param inTails what it counts for in their tails
   */
  learn(state: Float64Array, frame: FrameView, isMeasured: boolean, weight: number, inTails: number): void {
    for (const member of this.members) {
      // Those that doubt by themselves are not told to.
      const isTold = member.scale === 'plain' || weight > 1 || !isMeasured;
      member.kernel.learn(state, member.kernelAt, frame, isTold ? weight : 1);
      member.tail.learnAll(state, member.tailsAt, member.evidence.strangeness, member.tails, inTails);
    }
  }

  /** A person says that this frame is normal. */
  teach(state: Float64Array, frame: FrameView): void {
    for (const { kernel, kernelAt } of this.members) kernel.learn(state, kernelAt, frame, TEACH);
  }

  /** Rarity of the frame and its channels by what member `m` said. */
  #rate(state: Float64Array, member: Member, m: number): void {
    const channels = this.#channels;
    const { evidence } = member;
    const row = m * channels;
    this.#rarity.fill(0, row, row + channels);
    if (member.scale === 'rarity') {
      for (let c = 0; c < channels; c++)
        this.#rarity[row + c] = evidence.strangeness[c]! > 0 ? evidence.strangeness[c]! : 0;
      this.#memberRarity[m] = largest(this.#rarity, row, channels);
    } else if (member.isPerChannel) {
      member.tail.surpriseAll(state, member.tailsAt, evidence.strangeness, channels, this.#rarity, row);
      this.#memberRarity[m] = largest(this.#rarity, row, channels);
    } else {
      member.tail.surpriseAll(state, member.tailsAt, evidence.strangeness, 1, this.#memberRarity, m);
      shareOut(this.#memberRarity[m]!, evidence.attribution, this.#rarity, row, channels);
    }
  }

  #vote(): void {
    let [strength, onset, lasting] = [0, 0, 0];
    let [ofStrength, ofOnset, ofLasting] = [0, 0, 0];
    this.hasVotes = false;
    for (const { scale, vote, evidence } of this.members) {
      if (scale !== 'level') continue;
      const strangeness = evidence.strangeness[0]!;
      if (strangeness >= 0) this.hasVotes = true;
      const said = voteOf(strangeness);
      strength += vote.strength * said;
      onset += vote.onset * said;
      lasting += vote.lasting * Math.max(0, said);
      ofStrength += vote.strength;
      ofOnset += vote.onset;
      ofLasting += vote.lasting;
    }
    this.strengthVote = ofStrength > 0 ? strength / ofStrength : LEAST_VOTE;
    this.onsetVote = ofOnset > 0 ? onset / ofOnset : LEAST_VOTE;
    this.lastingVote = ofLasting > 0 ? lasting / ofLasting : 0;
  }

  #seekFact(): void {
    let [ofFacts, ofOthers] = [0, 0];
    for (let m = this.#firstOfFew; m < this.members.length; m++) {
      if (this.members[m]!.isPlainFact) ofFacts = Math.max(ofFacts, this.#memberRarity[m]!);
      else ofOthers = Math.max(ofOthers, this.#memberRarity[m]!);
    }
    this.isFact = ofFacts > ofOthers;
  }
}

/** Of a counter detectors see the rises: values that are strange are steps that are. */
function reasonOfRise(code: number): number {
  const isOfValue = code === ReasonCode.value || code === ReasonCode.level || code === ReasonCode.season;
  return isOfValue ? ReasonCode.variability : code;
}

function largest(values: Float64Array, at: number, count: number): number {
  let result = 0;
  for (let i = at; i < at + count; i++) if (values[i]! > result) result = values[i]!;
  return result;
}

/** Gives each channel the frame's rarity by its share in the attribution: the strongest channel gets all of it. */
function shareOut(rarity: number, attribution: Float64Array, out: Float64Array, at: number, channels: number): void {
  let largest = 0;
  for (let c = 0; c < channels; c++) if (attribution[c]! > largest) largest = attribution[c]!;
  if (largest === 0) return;
  for (let c = 0; c < channels; c++) if (attribution[c]! > 0) out[at + c] = (rarity * attribution[c]!) / largest;
}

function detectorOf(name: string): AnyDetector {
  const detector = findDetector(name);
  if (detector !== undefined) return detector;
  throw new SettingInvalidError([`detector must be one of the catalogue, got ${JSON.stringify(name.slice(0, 64))}`]);
}
