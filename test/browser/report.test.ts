import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium, type Browser } from 'playwright-core';
import { run } from '../unit/cli/recording-terminal.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const CHROMIUM = process.env['CHROMIUM'] ?? '/usr/bin/chromium';

describe('the report of a backtest', function () {
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

  it('draws each series, sorts and filters, and asks no host for anything', async () => {
    const [data, out] = [folder(), folder()];
    await run(['simulate', '--out', data, '--name', 'SIM', '--devices', '4', '--duration', '1800', '--seed', '3']);
    const file = join(out, 'report.html');
    const { exitCode } = await run(['backtest', '--data', data, '--out', join(out, 'results'), '--report', file]);
    assert.equal(exitCode, 0);

    const page = await browser!.newPage({ viewport: { width: 1_000, height: 4_000 } });
    const complaints: string[] = [];
    page.on('console', (message) => complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('request', (request) => {
      if (request.url() !== pathToFileURL(file).href) complaints.push(request.url());
    });
    await page.goto(pathToFileURL(file).href);
    await page.waitForSelector('#pictures article:nth-child(4) canvas');
    assert.match((await page.textContent('#summary'))!, /Profile standard: 4 series/);
    assert.equal(await page.locator('#datasets tbody tr').count(), 1);

    await page.getByRole('button', { name: 'series' }).click();
    const names = await page.locator('#overview tbody td:first-child').allTextContents();
    assert.deepEqual(names, names.toSorted().reverse());

    await page.fill('#filter', names[0]!);
    assert.equal(await page.locator('#pictures article:visible').count(), 1);
    await page.locator('article:visible .u-over').last().hover();
    await page.locator('article:visible figcaption span', { hasText: /threshold .*, \d{4}-/ }).waitFor();
    assert.deepEqual(complaints, []);
    await page.close();
  });
});
