/**
 * The ensemble of a profile for devices with so many channels: asks the detectors, combines what they say, and decides how much
 * the frame may teach. Three kinds are heard in three ways (`StrangenessScale`):
 *
 * - `level`: the mean of their logarithms is the strength of a frame, and so its score
 * - `plain`: turned into tail probabilities of this device, of which the strongest few are combined
 * - `rarity`: they know what has been before, and say where an episode begins; without them the votes of `level` say it
 *
 * What makes an alarm: strength, that it lasts, that something begins, or that the few find it rare (`alarm-signs.ts`), against a
 * caution that grows with the device's own alarms (`caution.ts`). The score is the strength; where another sign decides, the
 * threshold of that frame is as low as its score. docs/detection.md has what that is worth.
 *
 * An ensemble has no memory: a device's is one Float64Array of `stateLength` numbers, laid out as
 *
 *     head · teaching · episode · strength · lasting · onset · caution · fused tail · strength tail, if there are references · last values · counters ·
 *     for each detector: kernel state, one tail a channel (or one a frame, or none)
 */
import { clearEvidence, resizeState, TEACH, type AnyDetector, type FrameView } from '../detectors/detector.js';
import { choicesOf, ENSEMBLES } from '../detectors/ensembles.js';
import { findDetector } from '../detectors/index.js';
import { ReasonCode } from '../domain/reasons.js';
import { SettingInvalidError } from '../errors.js';
import type { DetectionProfile } from '../profiles/detection-profile.js';
import { TailHistogram } from '../statistics/tail-histogram.js';
import { lastingSign, onsetSign, raritySign, strengthSign } from './alarm-signs.js';
import { CAUTION_LENGTH, cautionOf, initCaution, judgeAlarm, stepCaution } from './caution.js';
import { COUNTER_LENGTH, CounterLens } from './counters.js';
import { endEpisode, EPISODE_LENGTH, refractoryFrames, stepEvent } from './episode.js';
import { COARSE_TAIL, copyTail, createMember, endOf, FINE_TAIL, initMember, type Member } from './member.js';
import { ReasonList } from './reason-list.js';
import { LASTING_LENGTH, stepLasting } from './lasting.js';
import { ONSET_LENGTH, stepOnset } from './onset.js';
import { thresholdRarity } from './rarity.js';
import { ALARM_STRENGTH, eventOf, scoreOf } from './score-scale.js';
import { initStrength, LEAST_VOTE, STRENGTH_LENGTH, stepStrength, voteOf } from './strength.js';
import { detectorWeight, followDoubt, incidentWeight, tailWeight, TEACHING_LENGTH, trustAgain } from './teaching.js';
import { strongestFew } from './strongest-few.js';

/** What an ensemble says about a frame. Used again for the next one: never keep it. Arrays: one entry a channel. */
export interface FrameScore {
  /** In [0, 1), high while a fault lasts. */
  score: number;
  /** In [0, 1), how strongly an episode begins here. */
  event: number;
  /** In (0, 1). */
  threshold: number;
  isReady: boolean;
  /** In [0, 1]. */
  progress: number;
  readonly expected: Float64Array;
  readonly lower: Float64Array;
  readonly upper: Float64Array;
  /** Sums to 1, or is all 0 where nothing is strange. */
  readonly contribution: Float64Array;
  readonly reasons: ReasonList;
}

/** Fused rarity: exponential by its nature, with mean excess 1/ln 10 when every member is calibrated. */
const FUSED_TAIL = new TailHistogram({
  bins: 44,
  binsPerEFold: 6,
  lowest: 0.05,
  horizon: 100_000,
  isConcave: false,
  priorExcess: 0.5,
});

/** Strength as a factor over the level: its logarithm has an exponential tail. */
const STRENGTH_TAIL = new TailHistogram({
  bins: 32,
  binsPerEFold: 6,
  lowest: 0.55,
  horizon: 100_000,
  isConcave: false,
  isPower: true,
  priorExcess: 0.5,
});
/** What strength counts for in a frame's rarity, by which it teaches; the rest is what the strongest few say. */
const STRENGTH_SHARE = 2 / 3;
/** Of what the few have over the threshold alone, so much counts. */
const FEW_SHARE = 0.5;
/** A loud frame begins an episode also where nothing new is known of it: half of its rarity beyond once in a thousand, up to 1. */
const LOUD_FROM = 3;
const LOUD_SHARE = 0.5;
const LOUDEST = 1;
/** What novelty and loud frames say of an onset, in units of the votes. */
const NOVELTY_UNIT = 1.5;
/** Devices of so few channels hear the few alone; with many, some channel is always doing something for the first time. */
const FEW_CHANNELS = 4;
/** With more, the frame must be rarer by so many decades and, but for plain facts, also this strong … */
const CONFIRMED_EXCESS = 1;
const CONFIRMED_STRENGTH = 0.3;
/** … or, before the references speak, still rarer, and its score stays below. */
const UNCONFIRMED_EXCESS = 6;
const COARSE_STRENGTH = 0.9;
/** Two tests at half the rate each: of strength with the few, and of the few alone. */
const TWO_TESTS = Math.log10(2);

const FRAMES = 0;
const LAST_TIME = 1;
const INTERVAL = 2;
const WORST = 3;
const STRONGEST = 4;
const HEAD = 5;
const TEACHING = HEAD;
const EPISODE = TEACHING + TEACHING_LENGTH;
const STRENGTH = EPISODE + EPISODE_LENGTH;
const LASTING = STRENGTH + STRENGTH_LENGTH;
const ONSET = LASTING + LASTING_LENGTH;
const CAUTION = ONSET + ONSET_LENGTH;
const FUSED = CAUTION + CAUTION_LENGTH;
/** Where there are references. */
const STRENGTHS = FUSED + FUSED_TAIL.length;

/** Interval that is assumed until there are two times. */
const DEFAULT_INTERVAL_MS = 60_000;
/** What a person's "this is normal" weighs, in frames. */
const VERDICT_WEIGHT = 20;
/** Reasons are given from this share of the threshold on, for channels at least this rare. */
const REASON_SHARE = 0.8;
const REASON_RARITY = 1.5;
const MOST_REASONS = 3;
/** A score below this share of the threshold is calm. */
const CALM_SHARE = 0.8;

export class Ensemble {
  readonly channels: number;
  readonly stateLength: number;
  readonly result: FrameScore;
  readonly #profile: DetectionProfile;
  readonly #members: readonly Member[];
  /** Rarity by member and channel, of the latest frame. */
  readonly #rarity: Float64Array;
  readonly #memberRarity: Float64Array;
  readonly #valuesAt: number;
  readonly #lens: CounterLens;
  /** Of the latest frame: what the levelled detectors say of its strength, of an onset, and of what lasts. */
  #strengthVote = 0;
  #onsetVote = 0;
  #lastingVote = 0;
  #hasVotes = false;
  /** Whether the loudest of the few states a plain fact. */
  #isFact = false;
  readonly #hasLevelled: boolean;
  /** Levelled members stand first; where there are others, those alone are the few. */
  readonly #firstOfFew: number;
  readonly #hasNovelty: boolean;

  /** @throws SettingInvalidError for a detector that is not in the catalogue or has bad settings. */
  constructor(profile: DetectionProfile, channels: number) {
    const isReadyMade = profile.detectors.length === 0;
    const tail = isReadyMade && ENSEMBLES[profile.ensemble].isCoarse ? COARSE_TAIL : FINE_TAIL;
    const choices = isReadyMade ? choicesOf(profile.ensemble, profile.without, channels) : profile.detectors;
    if (choices.length === 0) {
      throw new SettingInvalidError([`an ensemble for ${channels} channels must have a detector, got none`]);
    }
    const found = choices.map(({ name, settings }) => ({ detector: detectorOf(name), settings }));
    const isLevelled = ({ detector }: { readonly detector: AnyDetector }): boolean => detector.scale === 'level';
    this.#hasLevelled = found.some(isLevelled);
    this.#valuesAt = this.#hasLevelled ? STRENGTHS + STRENGTH_TAIL.length : STRENGTHS;
    const countersAt = this.#valuesAt + channels;
    this.#lens = new CounterLens(channels, this.#valuesAt, countersAt);
    const members: Member[] = [];
    let next = countersAt + COUNTER_LENGTH * channels;
    // In whatever order a profile names them: the few are looked for behind the levelled ones.
    for (const { detector, settings } of [...found.filter(isLevelled), ...found.filter((one) => !isLevelled(one))]) {
      const member = createMember(detector, settings, channels, next, tail);
      members.push(member);
      next = endOf(member);
    }
    this.channels = channels;
    this.#profile = profile;
    this.#members = members;
    const levelled = members.filter(({ scale }) => scale === 'level').length;
    this.#firstOfFew = levelled < members.length ? levelled : 0;
    this.#hasNovelty = members.some(({ scale }) => scale === 'rarity');
    this.stateLength = next;
    this.#rarity = new Float64Array(members.length * channels);
    this.#memberRarity = new Float64Array(members.length);
    this.result = {
      score: 0,
      event: 0,
      threshold: 0,
      isReady: false,
      progress: 0,
      expected: new Float64Array(channels),
      lower: new Float64Array(channels),
      upper: new Float64Array(channels),
      contribution: new Float64Array(channels),
      reasons: new ReasonList(MOST_REASONS),
    };
  }

  createState(): Float64Array {
    const state = new Float64Array(this.stateLength);
    state[LAST_TIME] = NaN;
    initStrength(state, STRENGTH);
    initCaution(state, CAUTION);
    if (this.#hasLevelled) STRENGTH_TAIL.init(state, STRENGTHS);
    FUSED_TAIL.init(state, FUSED);
    state.fill(NaN, this.#valuesAt, this.#valuesAt + this.channels);
    for (const member of this.#members) initMember(state, member);
    return state;
  }

  /**
   * A state for this ensemble out of one for another: detectors with equal name and settings keep what they know of the
   * channels that stay, others start anew. When none stays, all starts anew.
   *
   * @param source for each channel here its index there, or -1
   */
  adopt(from: Ensemble, old: Float64Array, source: readonly number[]): Float64Array {
    const state = this.createState();
    let kept = 0;
    for (const member of this.#members) {
      const former = from.#members.find((candidate) => candidate.key === member.key);
      if (former === undefined) continue;
      kept++;
      resizeState(member.kernel, old, former.kernelAt, state, member.kernelAt, source);
      if (member.tails === 0) continue;
      if (!member.isPerChannel) {
        if (member.kernel.keepsSharedPart) copyTail(former, old, 0, member, state, 0);
        continue;
      }
      for (let c = 0; c < source.length; c++) {
        if (source[c]! >= 0) copyTail(former, old, source[c]!, member, state, c);
      }
    }
    if (kept === 0) return state;
    const isBothLevelled = this.#hasLevelled && from.#hasLevelled;
    state.set(old.subarray(0, isBothLevelled ? STRENGTHS + STRENGTH_TAIL.length : STRENGTHS), 0);
    for (let c = 0; c < source.length; c++) {
      if (source[c]! < 0) continue;
      state[this.#valuesAt + c] = old[from.#valuesAt + source[c]!]!;
      const counter = from.#lens.at(source[c]!);
      state.set(old.subarray(counter, counter + COUNTER_LENGTH), this.#lens.at(c));
    }
    return state;
  }

  /**
   * Scores a frame, then learns it. The answer is in `result`.
   *
   * @param isMeasured false for a step that a gap policy made up: it is scored and teaches nothing
   */
  step(state: Float64Array, frame: FrameView, isMeasured: boolean): void {
    const { result } = this;
    const intervalMs = this.#followInterval(state, frame);
    const changed = this.#lens.look(state, frame, isMeasured);
    if (changed !== undefined) this.#startAnew(state, changed);
    const { view } = this.#lens;
    this.#ask(state, view);
    const fused = strongestFew(this.#memberRarity, this.#firstOfFew, this.#members.length - this.#firstOfFew);
    this.#vote();
    const strength = stepStrength(state, STRENGTH, this.#strengthVote);
    const ofFew = FUSED_TAIL.surprise(state, FUSED, fused);
    const rare = this.#rare(state, intervalMs);
    const factor = Math.exp(strength);
    const both = this.#hasLevelled ? this.#both(state, factor, ofFew) : ofFew;
    const rarity = ofFew < rare ? both : Math.max(both, rare + FEW_SHARE * (ofFew - rare));
    const isStrange = this.#judge(state, strength, ofFew, rare, this.#onset(state, both, intervalMs), intervalMs);
    this.#attribute(state, result.score >= REASON_SHARE * result.threshold);

    if (isMeasured) state[FRAMES] = Math.min(state[FRAMES]! + 1, Number.MAX_SAFE_INTEGER);
    this.#readPhase(state);
    if (isStrange) {
      state[WORST] = Math.max(state[WORST]!, fused);
      if (this.#hasVotes) state[STRONGEST] = Math.max(state[STRONGEST]!, factor);
    }
    this.#learn(state, view, isMeasured, fused, Math.max(rarity, ofFew), rare, factor);
  }

  /** What is known without a frame, for a device that is silent: threshold and phase, nothing about channels. */
  describe(state: Float64Array): void {
    const { result } = this;
    result.score = 0;
    result.event = 0;
    result.threshold = scoreOf(ALARM_STRENGTH + cautionOf(state, CAUTION, this.#profile.falseAlarmsPerWeek));
    this.#readPhase(state);
  }

  /** Unix ms, event time of the latest frame; NaN before the first. */
  lastTimeMs(state: Float64Array): number {
    return state[LAST_TIME]!;
  }

  /**
   * A person says that the device is well: the present level is learned at once, frames as rare or as strong as the worst since
   * the last verdict count as seen often, and the episode ends.
   */
  teachNormal(state: Float64Array, frame: FrameView): void {
    for (let c = 0; c < this.channels; c++) frame.values[c] = this.#lens.latest(state, c);
    frame.imputed.fill(0, 0, this.channels);
    frame.timeMs = state[LAST_TIME]!;
    frame.stepMs = state[INTERVAL]!;
    frame.gapSteps = 0;
    for (const { kernel, kernelAt } of this.#members) kernel.learn(state, kernelAt, frame, TEACH);
    if (state[WORST]! > 0) FUSED_TAIL.learn(state, FUSED, state[WORST]!, VERDICT_WEIGHT);
    if (state[STRONGEST]! > 0) STRENGTH_TAIL.learn(state, STRENGTHS, state[STRONGEST]!, VERDICT_WEIGHT);
    state[WORST] = 0;
    state[STRONGEST] = 0;
    trustAgain(state, TEACHING);
    endEpisode(state, EPISODE);
    initStrength(state, STRENGTH);
    state[LASTING] = 0;
  }

  /** A person says whether an alarm was right: then it costs no caution, else twice as much. */
  judgeAlarm(state: Float64Array, wasRight: boolean): void {
    judgeAlarm(state, CAUTION, wasRight);
  }

  #readPhase(state: Float64Array): void {
    const progress = Math.min(1, state[FRAMES]! / this.#profile.warmUpFrames);
    this.result.isReady = progress === 1;
    this.result.progress = progress;
  }

  /** The interval that thresholds count with: the device's, else the mean of those seen. */
  #followInterval(state: Float64Array, frame: FrameView): number {
    const intervalMs = this.#intervalMs(state, frame.stepMs);
    const elapsedMs = frame.timeMs - state[LAST_TIME]!;
    if (elapsedMs > 0) {
      const gain = Math.max(0.01, 1 / (state[FRAMES]! + 1));
      const known = state[INTERVAL]!;
      // A gap of hours is no interval; ten times the usual is the most that counts.
      state[INTERVAL] = known > 0 ? known + gain * (Math.min(elapsedMs, 10 * known) - known) : elapsedMs;
    }
    if (Number.isFinite(frame.timeMs)) state[LAST_TIME] = frame.timeMs;
    return intervalMs;
  }

  #intervalMs(state: Float64Array, stepMs: number): number {
    if (stepMs > 0) return stepMs;
    return state[INTERVAL]! > 0 ? state[INTERVAL]! : DEFAULT_INTERVAL_MS;
  }

  /** The detectors forget channels that they see otherwise from here on. */
  #startAnew(state: Float64Array, source: readonly number[]): void {
    const kept = state.slice(this.#valuesAt, this.#lens.at(this.channels));
    state.set(this.adopt(this, state, source));
    state.set(kept, this.#valuesAt);
  }

  #ask(state: Float64Array, frame: FrameView): void {
    const { channels } = this;
    const { expected, lower, upper } = this.result;
    expected.fill(NaN);
    lower.fill(NaN);
    upper.fill(NaN);
    for (let m = 0; m < this.#members.length; m++) {
      const member = this.#members[m]!;
      const { evidence } = member;
      clearEvidence(evidence);
      member.kernel.score(state, member.kernelAt, frame, evidence);
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
      for (let c = 0; c < channels; c++) {
        // Of several bands the narrowest says most.
        const width = evidence.upper[c]! - evidence.lower[c]!;
        if (width >= upper[c]! - lower[c]! || !Number.isFinite(width)) continue;
        expected[c] = evidence.expected[c]!;
        lower[c] = evidence.lower[c]!;
        upper[c] = evidence.upper[c]!;
      }
    }
    this.#lens.translate(expected);
    this.#lens.translate(lower);
    this.#lens.translate(upper);
  }

  /** Votes of the levelled detectors on the latest frame, and what the loudest of the others is. */
  #vote(): void {
    let [strength, onset, lasting] = [0, 0, 0];
    let [ofStrength, ofOnset, ofLasting] = [0, 0, 0];
    this.#hasVotes = false;
    for (const { scale, vote, evidence } of this.#members) {
      if (scale !== 'level') continue;
      const strangeness = evidence.strangeness[0]!;
      if (strangeness >= 0) this.#hasVotes = true;
      const said = voteOf(strangeness);
      strength += vote.strength * said;
      onset += vote.onset * said;
      lasting += vote.lasting * Math.max(0, said);
      ofStrength += vote.strength;
      ofOnset += vote.onset;
      ofLasting += vote.lasting;
    }
    this.#strengthVote = ofStrength > 0 ? strength / ofStrength : LEAST_VOTE;
    this.#onsetVote = ofOnset > 0 ? onset / ofOnset : LEAST_VOTE;
    this.#lastingVote = ofLasting > 0 ? lasting / ofLasting : 0;
    let [ofFacts, ofOthers] = [0, 0];
    for (let m = this.#firstOfFew; m < this.#members.length; m++) {
      if (this.#members[m]!.isPlainFact) ofFacts = Math.max(ofFacts, this.#memberRarity[m]!);
      else ofOthers = Math.max(ofOthers, this.#memberRarity[m]!);
    }
    this.#isFact = ofFacts > ofOthers;
  }

  /** Rarity from which the few are worth an operator's while. */
  #rare(state: Float64Array, intervalMs: number): number {
    const rarity = thresholdRarity(this.#profile.falseAlarmsPerWeek, intervalMs, state[FRAMES]!);
    return this.#hasLevelled ? rarity + TWO_TESTS : rarity;
  }

  /** Rarity of a frame by its strength and by the strongest few. */
  #both(state: Float64Array, factor: number, ofFew: number): number {
    const ofStrength = this.#hasVotes ? STRENGTH_TAIL.surprise(state, STRENGTHS, factor) : 0;
    return STRENGTH_SHARE * ofStrength + (1 - STRENGTH_SHARE) * ofFew;
  }

  /** How strongly an episode begins: asked of those who know what was before, else of the levelled ones, else of the frame's rarity. */
  #onset(state: Float64Array, rarity: number, intervalMs: number): number {
    const onset = stepOnset(state, ONSET, this.#onsetVote);
    if (!this.#hasNovelty && this.#hasLevelled) return onset;
    const loud = Math.min(LOUDEST, LOUD_SHARE * (rarity - LOUD_FROM));
    const loudness = this.#hasNovelty ? Math.max(this.#novelty(), loud) : rarity;
    return NOVELTY_UNIT * stepEvent(state, EPISODE, loudness, refractoryFrames(intervalMs));
  }

  /** Score, event and threshold of the frame into `result`. @returns whether it is strange */
  #judge(
    state: Float64Array,
    strength: number,
    ofFew: number,
    rare: number,
    onset: number,
    intervalMs: number,
  ): boolean {
    const { result } = this;
    const excess = ofFew - rare;
    const { falseAlarmsPerWeek } = this.#profile;
    const caution = cautionOf(state, CAUTION, falseAlarmsPerWeek);
    const lasting = lastingSign(stepLasting(state, LASTING, this.#lastingVote));
    const isNarrow = this.channels <= FEW_CHANNELS || !this.#hasLevelled;
    const isAlone = isNarrow || this.#isFact;
    const rarity = raritySign(isNarrow ? excess : excess - CONFIRMED_EXCESS);
    const isHeard = isAlone || (this.#hasVotes ? strength > CONFIRMED_STRENGTH : excess >= UNCONFIRMED_EXCESS);
    const begins = this.#hasLevelled ? onsetSign(onset) : -Infinity;
    const sign = Math.max(strengthSign(strength), lasting, begins, isHeard ? rarity : -Infinity);
    const alarm = ALARM_STRENGTH + caution;
    const isOver = sign >= caution;

    let level = strength;
    if (lasting >= caution) level = Math.max(level, alarm);
    if (isNarrow) level = Math.max(level, strengthOfRarity(ofFew, rare));
    else if (this.#isFact && rarity >= caution) level = Math.max(level, ALARM_STRENGTH + rarity);
    else if (!this.#hasVotes && isHeard && rarity >= caution) level = Math.max(level, COARSE_STRENGTH);
    // On a device of few channels something that begins may be seen by its novelty alone.
    if (begins >= caution && this.#hasNovelty) level = Math.max(level, alarm);

    result.score = scoreOf(level);
    result.event = eventOf(onset);
    result.threshold = scoreOf(isOver ? Math.min(alarm, level) : alarm);
    const isStrange = isOver && result.isReady;
    const isCalm = result.score < CALM_SHARE * result.threshold;
    stepCaution(state, CAUTION, isStrange, isCalm, falseAlarmsPerWeek, intervalMs);
    return isStrange;
  }

  /** Mean of what the detectors of novelty say, each of its strangest channel. */
  #novelty(): number {
    let sum = 0;
    let count = 0;
    for (const { scale, evidence } of this.#members) {
      if (scale !== 'rarity') continue;
      sum += largest(evidence.strangeness, 0, this.channels);
      count++;
    }
    return sum / count;
  }

  #attribute(state: Float64Array, isStrange: boolean): void {
    const { channels } = this;
    const { contribution, reasons } = this.result;
    let total = 0;
    for (let c = 0; c < channels; c++) {
      let sum = 0;
      for (let m = 0; m < this.#members.length; m++) sum += this.#rarity[m * channels + c]! ** 2;
      contribution[c] = sum;
      total += sum;
    }
    for (let c = 0; c < channels; c++) contribution[c] = total > 0 ? contribution[c]! / total : 0;
    reasons.clear();
    if (!isStrange) return;
    for (let m = 0; m < this.#members.length; m++) {
      const { evidence } = this.#members[m]!;
      for (let c = 0; c < channels; c++) {
        const rarity = this.#rarity[m * channels + c]!;
        if (rarity < REASON_RARITY || evidence.reason[c] === 0) continue;
        const code = this.#lens.isCounter(state, c) ? reasonOfRise(evidence.reason[c]!) : evidence.reason[c]!;
        reasons.offer(code, c, evidence.reasonA[c]!, evidence.reasonB[c]!, rarity);
      }
    }
  }

  #learn(
    state: Float64Array,
    frame: FrameView,
    isMeasured: boolean,
    fused: number,
    rarity: number,
    threshold: number,
    factor: number,
  ): void {
    let weight = 0;
    let inTails = 0;
    let inStrengths = 0;
    if (isMeasured) {
      const { isReady } = this.result;
      if (isReady) followDoubt(state, TEACHING, rarity, this.#profile.patienceFrames);
      weight = isReady ? detectorWeight(state, TEACHING, rarity, threshold) : 1;
      inTails = tailWeight(state, TEACHING, rarity, threshold, state[FRAMES]!);
      inStrengths = incidentWeight(state, TEACHING, rarity, threshold, state[FRAMES]!);
    }
    for (const member of this.#members) {
      member.kernel.learn(
        state,
        member.kernelAt,
        frame,
        member.scale === 'plain' || weight > 1 || !isMeasured ? weight : 1,
      );
      member.tail.learnAll(state, member.tailsAt, member.evidence.strangeness, member.tails, inTails);
    }
    FUSED_TAIL.learn(state, FUSED, fused, inTails);
    if (this.#hasVotes) STRENGTH_TAIL.learn(state, STRENGTHS, factor, inStrengths);
  }
}

/** Rarity on the scale of strength, for devices whose references have nothing to say of it. */
function strengthOfRarity(rarity: number, rare: number): number {
  if (rarity >= rare) return ALARM_STRENGTH + raritySign(rarity - rare);
  return LEAST_VOTE + ((ALARM_STRENGTH - LEAST_VOTE) * rarity) / rare;
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
