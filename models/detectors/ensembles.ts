/** Ready-made ensembles: which detectors look at a device whose profile names none. */
import { DETECTORS, findDetector } from './index.js';

export interface EnsembleChoice {
  readonly name: string;
  readonly settings: Readonly<Record<string, unknown>>;
}

export interface ReadyEnsemble {
  readonly choices: readonly EnsembleChoice[];
  /** Whether tails are learned in steps of a factor e rather than of a third of it: at less than half the size. */
  readonly isCoarse: boolean;
}

export const ENSEMBLE_NAMES = ['light', 'standard', 'deep'] as const;
export type EnsembleName = (typeof ENSEMBLE_NAMES)[number];

/** In the catalogue for profiles that name them; beside the others they add cost and memory, and no better figures. */
const NOT_STANDARD: readonly string[] = ['half-space-trees', 'quantum-kernel'];

const byDefault = (name: string): EnsembleChoice => ({ name, settings: {} });

const standard = DETECTORS.map(({ name }) => name)
  .filter((name) => !NOT_STANDARD.includes(name))
  .map(byDefault);

/**
 * `light`     1 KB a channel, for a million devices on a small machine: each channel by itself, and no references
 * `standard`  31 KB a device of three channels
 * `deep`      two memories of different length where `standard` has one: 14 KB a channel, for up to 4 channels; with more, as `standard`
 */
export const ENSEMBLES: Readonly<Record<EnsembleName, ReadyEnsemble>> = {
  light: {
    choices: [
      byDefault('residual'),
      { name: 'seasonal', settings: { bins: 12 } },
      byDefault('flatline'),
      byDefault('missing'),
    ],
    isCoarse: true,
  },
  standard: { choices: standard, isCoarse: false },
  deep: {
    choices: [...standard, { name: 'nearest-past', settings: { minutes: 120, blocks: 192 } }],
    isCoarse: false,
  },
};

/** What a ready-made ensemble has for devices of so many channels. @param without names of detectors that are left out */
export function choicesOf(name: EnsembleName, without: readonly string[], channels: number): EnsembleChoice[] {
  return ENSEMBLES[name].choices.filter((choice) => {
    const most = findDetector(choice.name)?.mostChannels ?? Infinity;
    return !without.includes(choice.name) && channels <= most;
  });
}
