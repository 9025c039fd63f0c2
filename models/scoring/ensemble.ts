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
import { ReasonCode } from '../domain/reasons.js';
import { resizeState, type FrameView } from '../detectors/detector.js';
import type { DetectionProfile } from '../profiles/detection-profile.js';
import { TailHistogram } from '../statistics/tail-histogram.js';
import { CAUTION_LENGTH, cautionOf, initCaution, judgeAlarm, stepCaution } from './caution.js';
import { COUNTER_LENGTH, CounterLens } from './counters.js';
import { endEpisode, EPISODE_LENGTH, refractoryFrames, stepEvent } from './episode.js';
import { createSigns, judge, juryOf, type Judgement, type Jury, type Signs } from './judgement.js';
import { LASTING_LENGTH, stepLasting } from './lasting.js';
import { copyTail, initMember } from './member.js';
import { ONSET_LENGTH, stepOnset } from './onset.js';
import { chooseDetectors, isLevelled, Panel, type ModelForChannels } from './panel.js';
import { thresholdRarity } from './rarity.js';
import { ReasonList } from './reason-list.js';
import { ALARM_STRENGTH, eventOf, scoreOf } from './score-scale.js';
import { initStrength, STRENGTH_LENGTH, stepStrength } from './strength.js';
import { detectorWeight, followDoubt, incidentWeight, tailWeight, TEACHING_LENGTH, trustAgain } from './teaching.js';

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
/** Reasons are given from this share of the threshold on. */
const REASON_SHARE = 0.8;
const MOST_REASONS = 3;
/** A score below this share of the threshold is calm. */
const CALM_SHARE = 0.8;

export class Ensemble {
  readonly channels: number;
  readonly stateLength: number;
  readonly result: FrameScore;
  readonly #profile: DetectionProfile;
  readonly #panel: Panel;
  readonly #valuesAt: number;
  readonly #lens: CounterLens;
  readonly #jury: Jury;
  readonly #signs: Signs = createSigns();
  readonly #judgement: Judgement = { level: 0, alarm: 0, isStrange: false };

  /**
   * @param model the trained model that the profile names
   * @throws SettingInvalidError for a detector that is not in the catalogue or has bad settings.
   */
  constructor(profile: DetectionProfile, channels: number, model?: ModelForChannels) {
    const chosen = chooseDetectors(profile, channels, model);
    this.#valuesAt = chosen.some(isLevelled) ? STRENGTHS + STRENGTH_TAIL.length : STRENGTHS;
    const countersAt = this.#valuesAt + channels;
    this.#lens = new CounterLens(channels, this.#valuesAt, countersAt);
    this.#panel = new Panel(profile, chosen, channels, countersAt + COUNTER_LENGTH * channels);
    this.#jury = juryOf(channels, this.#panel.hasLevelled, this.#panel.hasNovelty);
    this.#profile = profile;
    this.channels = channels;
    this.stateLength = this.#panel.end;
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
    if (this.#panel.hasLevelled) STRENGTH_TAIL.init(state, STRENGTHS);
    FUSED_TAIL.init(state, FUSED);
    state.fill(NaN, this.#valuesAt, this.#valuesAt + this.channels);
    for (const member of this.#panel.members) initMember(state, member);
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
    for (const member of this.#panel.members) {
      const former = from.#panel.members.find((candidate) => candidate.key === member.key);
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
    const isBothLevelled = this.#panel.hasLevelled && from.#panel.hasLevelled;
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
    const intervalMs = this.#followInterval(state, frame);
    const changed = this.#lens.look(state, frame, isMeasured);
    if (changed !== undefined) this.#startAnew(state, changed);
    const { view } = this.#lens;
    this.#ask(state, view);
    const panel = this.#panel;
    const strength = stepStrength(state, STRENGTH, panel.strengthVote);
    const ofFew = FUSED_TAIL.surprise(state, FUSED, panel.few);
    const rare = this.#rare(state, intervalMs);
    const factor = Math.exp(strength);
    const both = panel.hasLevelled ? this.#both(state, factor, ofFew) : ofFew;
    const rarity = ofFew < rare ? both : Math.max(both, rare + FEW_SHARE * (ofFew - rare));
    if (isMeasured) state[FRAMES] = Math.min(state[FRAMES]! + 1, Number.MAX_SAFE_INTEGER);
    // Before anything asks whether the device is ready: the last answer is another device's.
    this.#readPhase(state);
    const isStrange = this.#judge(state, strength, ofFew, rare, this.#onset(state, both, intervalMs), intervalMs);
    this.#explain(state);
    if (isStrange) {
      state[WORST] = Math.max(state[WORST]!, panel.few);
      if (panel.hasVotes) state[STRONGEST] = Math.max(state[STRONGEST]!, factor);
    }
    this.#learn(state, view, isMeasured, Math.max(rarity, ofFew), rare, factor);
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
    this.#panel.teach(state, frame);
    if (state[WORST]! > 0) FUSED_TAIL.learn(state, FUSED, state[WORST]!, VERDICT_WEIGHT);
    if (this.#panel.hasLevelled && state[STRONGEST]! > 0)
      STRENGTH_TAIL.learn(state, STRENGTHS, state[STRONGEST]!, VERDICT_WEIGHT);
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
    const { expected, lower, upper } = this.result;
    this.#panel.ask(state, frame, expected, lower, upper);
    this.#lens.translate(expected);
    this.#lens.translate(lower);
    this.#lens.translate(upper);
  }

  /** Rarity from which the few are worth an operator's while. */
  #rare(state: Float64Array, intervalMs: number): number {
    const rarity = thresholdRarity(this.#profile.falseAlarmsPerWeek, intervalMs, state[FRAMES]!);
    return this.#panel.hasLevelled ? rarity + TWO_TESTS : rarity;
  }

  /** Rarity of a frame by its strength and by the strongest few. */
  #both(state: Float64Array, factor: number, ofFew: number): number {
    const ofStrength = this.#panel.hasVotes ? STRENGTH_TAIL.surprise(state, STRENGTHS, factor) : 0;
    return STRENGTH_SHARE * ofStrength + (1 - STRENGTH_SHARE) * ofFew;
  }

  /** How strongly an episode begins: asked of those who know what was before, else of the levelled ones, else of the frame's rarity. */
  #onset(state: Float64Array, rarity: number, intervalMs: number): number {
    const panel = this.#panel;
    const onset = stepOnset(state, ONSET, panel.onsetVote);
    if (!panel.hasNovelty && panel.hasLevelled) return onset;
    const loud = Math.min(LOUDEST, LOUD_SHARE * (rarity - LOUD_FROM));
    const loudness = panel.hasNovelty ? Math.max(panel.novelty(), loud) : rarity;
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
    const { falseAlarmsPerWeek } = this.#profile;
    const panel = this.#panel;
    const signs = this.#signs;
    signs.strength = strength;
    signs.lasting = stepLasting(state, LASTING, panel.lastingVote);
    signs.onset = onset;
    signs.few = ofFew;
    signs.rare = rare;
    signs.caution = cautionOf(state, CAUTION, falseAlarmsPerWeek);
    signs.hasVotes = panel.hasVotes;
    signs.isFact = panel.isFact;
    const judgement = this.#judgement;
    judge(this.#jury, signs, judgement);

    result.score = scoreOf(judgement.level);
    result.event = eventOf(onset);
    result.threshold = scoreOf(judgement.alarm);
    const isStrange = judgement.isStrange && result.isReady;
    const isCalm = result.score < CALM_SHARE * result.threshold;
    stepCaution(state, CAUTION, isStrange, isCalm, falseAlarmsPerWeek, intervalMs);
    return isStrange;
  }

  #explain(state: Float64Array): void {
    const { contribution, reasons, score, threshold, isReady } = this.result;
    this.#panel.contributions(contribution);
    reasons.clear();
    if (score >= REASON_SHARE * threshold) this.#panel.offerReasons(state, this.#lens, reasons);
    if (reasons.length === 0 && isReady && score >= threshold) {
      let strongest = 0;
      for (let c = 1; c < this.channels; c++) if (contribution[c]! > contribution[strongest]!) strongest = c;
      reasons.offer(ReasonCode.together, strongest, 0, 0, 0);
    }
  }

  #learn(
    state: Float64Array,
    frame: FrameView,
    isMeasured: boolean,
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
    this.#panel.learn(state, frame, isMeasured, weight, inTails);
    FUSED_TAIL.learn(state, FUSED, this.#panel.few, inTails);
    if (this.#panel.hasVotes) STRENGTH_TAIL.learn(state, STRENGTHS, factor, inStrengths);
  }
}
