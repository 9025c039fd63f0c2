import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { chromium, type Browser } from 'playwright-core';
import { compareVersions, runVersion } from '../../models/backtest/shadow-run.js';
import { NO_MODELS } from '../../models/neural/loaded-models.js';
import { completeProfile } from '../../models/profiles/profile.js';
import { writeShadowPage } from '../../cli/shadow/shadow-page.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { CHANNELS, pairedSeries } from '../support/trained-model.js';
import { run } from '../unit/cli/recording-terminal.js';

const CHROMIUM = process.env['CHROMIUM'] ?? '/usr/bin/chromium';

describe('reports of models', function () {
  this.timeout(120_000);
  const folder = temporaryFolder();
  let browser: Browser | undefined;
  before(async function () {
    if (!existsSync(CHROMIUM)) {
      console.log(`Skipped: there is no ${CHROMIUM}. Install Debian's chromium, or set CHROMIUM to a browser.`);
      this.skip();
    }
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-gpu'] });
  });
  after(() => browser?.close());

  /** Opens a page that must load nothing and complain of nothing. */
  async function opened(file: string) {
    const page = await browser!.newPage();
    const complaints: string[] = [];
    page.on('console', (message) => complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('request', (request) => {
      if (request.url() !== pathToFileURL(file).href) complaints.push(request.url());
    });
    await page.goto(pathToFileURL(file).href);
    return { page, complaints };
  }

  /** Runs `redshank train` on a pump. @returns the page */
  async function trained(...options: string[]): Promise<string> {
    const home = folder();
    const [series] = pairedSeries(500, 1);
    const rows = Array.from(series!.timesMs, (ms, row) =>
      [ms, ...series!.values.subarray(2 * row, 2 * row + 2)].join(','),
    );
    const file = join(home, 'pump.csv');
    await writeFile(file, `ts,${CHANNELS.join(',')}\n${rows.join('\n')}\n`);
    const { out, err } = await run(['train', '--from', file, '--model-path', home, '--json', ...options]);
    assert.notEqual(out, '', err);
    return (JSON.parse(out) as { report: string }).report;
  }

  it('show how a training went', async () => {
    const { page, complaints } = await opened(await trained('--epochs', '3', '--window', '8'));
    assert.equal(await page.locator('canvas').count(), 2);
    assert.ok(await page.locator('#learning').isVisible());
    assert.deepEqual(await page.locator('#channels tbody td:first-child').allTextContents(), [...CHANNELS]);
    assert.deepEqual(complaints, []);
  });

  it('show no losses of a network that was trained elsewhere', async () => {
    const network = fileURLToPath(new URL('../golden/networks/memory.keras', import.meta.url));
    const { page, complaints } = await opened(await trained('--network', network));
    assert.equal(await page.locator('canvas').count(), 1);
    assert.equal(await page.locator('#learning').isVisible(), false);
    assert.match((await page.textContent('#summary'))!, /^imported, 6 rows a window.*nothing was learned\.$/);
    assert.deepEqual(complaints, []);
  });

  it('show two versions, one above the other', async () => {
    const [series] = pairedSeries(500, 1);
    const recorded = { ...series!, channels: CHANNELS };
    const [champion, challenger] = [{}, { detection: { ensemble: 'light' } }].map((partial) =>
      runVersion(recorded, completeProfile('standard', partial), NO_MODELS),
    );
    const comparison = compareVersions(champion!, challenger!, []);
    const file = join(folder(), 'shadow.html');
    const names = { model: 'pump', champion: 'a1', challenger: '<b>b2</b>' };
    await writeShadowPage(file, names, [
      { device: 'pump-0', comparison, champion: champion!, challenger: challenger! },
    ]);
    const { page, complaints } = await opened(file);
    assert.equal(await page.locator('section canvas').count(), 2);
    assert.match((await page.textContent('h1'))!, /a1 \(in force\) and <b>b2<\/b> \(challenger\)/);
    assert.match((await page.textContent('section p'))!, /381 rows; alerts \d+ and \d+/);
    assert.deepEqual(complaints, []);
  });
});
