/** What we want of the default profile, cold, on public data sets, and what the best published causal detector reaches there. */

export interface Aim {
  readonly target: number;
  /** Best figure of a published causal detector; undefined where none is known. */
  readonly peer?: number;
}

/** Allowed on every set, in 10,000 normal rows. */
export const FALSE_ALARM_AIM: Aim = { target: 5 };

const aim = (target: number, peer?: number): Aim => (peer === undefined ? { target } : { target, peer });

/** Data set → key of the figure → aim. */
export const DETECTION_AIMS: Readonly<Record<string, Readonly<Record<string, Aim>>>> = {
  NAB: {
    nabStandard: aim(77, 76.1),
    nabLowFp: aim(69, 66.3),
    nabLowFn: aim(82, 81.6),
    recallAt1: aim(0.66, 0.59),
    recallAt5: aim(0.9, 0.82),
    recallAt10: aim(0.94, 0.87),
  },
  SMD: {
    vusPr: aim(0.58, 0.502),
    recallAt1: aim(0.4, 0.27),
    recallAt5: aim(0.8, 0.64),
    recallAt10: aim(0.9, 0.82),
  },
  SMAP_MSL: {
    vusPr: aim(0.5, 0.329),
    recallAt1: aim(0.3, 0.22),
    recallAt5: aim(0.48, 0.37),
    recallAt10: aim(0.66, 0.54),
  },
  ASD: {
    vusPr: aim(0.4, 0.252),
    recallAt1: aim(0.36, 0.21),
    recallAt5: aim(0.45, 0.29),
    recallAt10: aim(0.55, 0.39),
  },
  GECCO: {
    vusPr: aim(0.5, 0.232),
    recallAt1: aim(0.2, 0.14),
    recallAt5: aim(0.65, 0.27),
    recallAt10: aim(0.75, 0.41),
  },
  SKAB: { vusPr: aim(0.86, 0.778), skabF1: aim(0.86, 0.76), skabFar: aim(10, 26.6) },
  TEP: { vusPr: aim(0.996, 0.995), faultDetectionRate: aim(0.88, 0.866) },
};

/** Channels → µs a row of the scoring stage. The peer is a random cut forest of 50 trees in Java. */
export const COST_AIMS: readonly (readonly [channels: number, aim: Aim])[] = [
  [1, aim(10, 172)],
  [8, aim(20)],
  [38, aim(50, 300)],
];
