import { writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { makeFolder } from '../../../storage/make-folder.js';
import type { Series } from '../catalogue.js';
import { judgeEach, type DataSetJudgement } from '../judgement.js';
import { resultPath, type Scoring, type Variant } from '../variants.js';
import { reportData, reportPart, type ReportPart } from './report-data.js';
import { reportPage } from '../../report-page.js';

/**
 * Writes the page for people.
 *
 * @param profile its name, for people
 * @param scoring with pictures
 * @returns what was judged on the way
 */
export async function writeReport(
  file: string,
  profile: string,
  dataDir: string,
  series: readonly Series[],
  variant: Variant,
  scoring: Scoring,
): Promise<DataSetJudgement[]> {
  const judgements: DataSetJudgement[] = [];
  const parts: ReportPart[] = [];
  for await (const { judgement, judged } of judgeEach(dataDir, series, variant, scoring)) {
    const { dataset } = judgement;
    judgements.push(judgement);
    const pathOf = (name: string): string => resultPath(variant.outDir, { dataset, name });
    // Every series that was judged was scored, and so has a picture.
    parts.push(reportPart(judgement, judged, ({ name }) => scoring.pictures.get(pathOf(name))!));
  }
  makeFolder(dirname(file));
  await writeFile(file, await reportPage('backtest', reportData(profile, parts)));
  return judgements;
}
