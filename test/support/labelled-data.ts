/** Labelled real series, for those who have them beside the checkout. They are no part of the project. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Folder of the data sets; `REDSHANK_DATA` names another one. */
export const dataFolder = resolve(process.env.REDSHANK_DATA ?? resolve(root, '../shared/data'));

/** The independent scorer of detection results, beside the data. */
export const scorer = resolve(dataFolder, '../score.mjs');

/** Skips the calling suite, saying why, where the data is absent. */
export function needsLabelledData(context: Mocha.Context): void {
  if (existsSync(dataFolder) && existsSync(scorer)) return;
  console.log('Skipped: the labelled series are not here. Set REDSHANK_DATA to their folder to run this.');
  context.skip();
}
