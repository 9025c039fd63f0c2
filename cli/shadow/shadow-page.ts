/** The page of a comparison: both scores of each device, one above the other, with the alerts of each. */
import { writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { ShadowComparison, VersionRun } from '../../models/backtest/shadow-run.js';
import type { LinePoints } from '../../models/backtest/thinned-line.js';
import { makeFolder } from '../../storage/make-folder.js';
import { reportPage } from '../report-page.js';

export interface ShadowDevice {
  readonly device: string;
  readonly comparison: ShadowComparison;
  readonly champion: VersionRun;
  readonly challenger: VersionRun;
}

export interface ShadowNames {
  readonly model: string;
  readonly champion: string;
  readonly challenger: string;
}

/** @throws Error of the file system */
export async function writeShadowPage(
  file: string,
  names: ShadowNames,
  devices: readonly ShadowDevice[],
): Promise<void> {
  const shown = devices.map(({ device, comparison, champion, challenger }) => ({
    device,
    comparison,
    versions: [champion, challenger].map(({ line, episodes }) => ({
      ...columns(line),
      episodes: episodes.map(inSeconds),
    })),
  }));
  makeFolder(dirname(file));
  await writeFile(file, await reportPage('shadow', { ...names, devices: shown }));
}

function columns({ timeMs, value, companions }: LinePoints): { t: number[]; score: number[]; threshold: number[] } {
  return {
    t: Array.from(timeMs, (ms) => ms / 1_000),
    score: Array.from(value, short),
    threshold: Array.from(companions[0]!, short),
  };
}

const inSeconds = ([fromMs, toMs]: readonly [number, number]): [number, number] => [fromMs / 1_000, toMs / 1_000];
const short = (value: number): number => Number(value.toPrecision(4));
