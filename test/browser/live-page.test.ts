import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { chromium, type Browser, type Page } from 'playwright-core';
import { DEFAULT_TENANT } from '../../models/domain/identity.js';
import { scoreView } from '../../models/domain/score-view.js';
import { startGatewayNode, type GatewayNode } from '../support/gateway-node.js';
import { sampleAlert, scoreRows } from '../support/sample-records.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { until } from '../support/until.js';

const CHROMIUM = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
const nowMs = Date.UTC(2026, 0, 1, 12);

describe('the live page', () => {
  const folder = temporaryFolder();
  let browser: Browser | undefined;
  let node: GatewayNode;
  let page: Page;
  /** Everything that the page complained of, and every request that left for another host. */
  let complaints: string[];

  before(async function () {
    if (!existsSync(CHROMIUM)) {
      console.log(`Skipped: there is no ${CHROMIUM}. Install Debian's chromium, or set CHROMIUM to a browser.`);
      this.skip();
    }
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-gpu'] });
  });
  after(() => browser?.close());
  afterEach(async () => {
    await page.close();
    await node.stop();
  });

  async function open(options: Parameters<typeof startGatewayNode>[0] = {}): Promise<void> {
    node = await startGatewayNode({ rateLimiting: false, ...options });
    complaints = [];
    page = await browser!.newPage();
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('request', (request) => {
      if (!request.url().startsWith(`${node.url}/`)) complaints.push(request.url());
    });
    await addDevice('ahu-3', 20);
    await page.goto(node.url);
  }

  const rowAt = (second: number, temp: number, score = 0.05) => ({
    timeMs: nowMs + second * 1000,
    values: { temp },
    score,
  });
  const addDevice = (device: string, temp: number): Promise<number> =>
    node.readSide.writeScores(
      0,
      1,
      scoreRows(
        device,
        Array.from({ length: 60 }, (_, i) => rowAt(i, temp)),
      ),
    );
  const raise = (device: string): Promise<void> => {
    const alert = sampleAlert({ id: `of-${device}`, device });
    node.readSide.alertsById.set(alert.id, alert);
    return node.broker.broadcast('alert.raised', { alert });
  };
  const text = async (selector: string): Promise<string> => (await page.textContent(selector)) ?? '';

  it('shows devices, then the device of a new alert, and follows it live', async () => {
    await open();
    await page.waitForSelector('.device');
    await page.waitForSelector('#connection[data-state="live"]');
    assert.equal(await text('#chart-title'), 'ahu-3');

    await addDevice('pump-7', 21);
    await raise('pump-7');
    await until('the chart of the alert', async () => (await text('#chart-title')) === 'pump-7');
    await page.waitForSelector('.alert');
    assert.match(await text('.alert'), /pump-7.*critical.*temp is 34\.2/s);
    await page.waitForSelector('.u-wrap canvas');
    await until('the badge', async () => (await text('.device:first-child .badge')) === 'alert');

    const rows = scoreRows('pump-7', [rowAt(61, 34.25, 0.97)]);
    await page.waitForSelector('#connection[data-state="live"]');
    await until('the live value', async () => {
      const row = { device: 'pump-7', ...scoreView(rows, 0) };
      await node.broker.broadcast('score.computed', { tenant: DEFAULT_TENANT, rows: [row] });
      return /^temp34\.25, expected 20/.test(await text('figure:first-child figcaption'));
    });
    assert.deepEqual(complaints, []);
  });

  it('does not say that all is well before it knows', async () => {
    await open({ rateLimiting: true, apiRateLimit: 1 });
    const isRefused = async () => /at most 1 requests/.test(await text('#connection'));
    await until('the refusal', isRefused);
    // One request was answered; on the second visit none is.
    await page.reload();
    await until('the refusal', isRefused);
    assert.equal(await page.isVisible('#alerts-empty'), false);
    assert.equal(await page.isVisible('#devices-empty'), false);
  });

  it('keeps the device that the user chose, also when another raises an alert', async () => {
    await open();
    await addDevice('meter-1', 5);
    await page.click('.device >> text=ahu-3');
    await raise('meter-1');
    await page.waitForSelector('.alert >> text=meter-1');
    assert.equal(await text('#chart-title'), 'ahu-3');
    await page.click('.alert .link');
    await until('the other chart', async () => (await text('#chart-title')) === 'meter-1');
    assert.deepEqual(complaints, []);
  });

  it('takes an acknowledgement and a verdict by keyboard', async () => {
    await open();
    await raise('ahu-3');
    await page.focus('text=Acknowledge');
    await page.keyboard.press('Enter');
    await until('the acknowledgement', () => node.readSide.alertsById.get('of-ahu-3')?.status === 'acknowledged');
    await page.focus('text=Not an anomaly');
    await page.keyboard.press('Enter');
    await until('the verdict', () => node.readSide.alertsById.get('of-ahu-3')?.feedback === 'normal');
    assert.deepEqual(complaints, []);
  });

  it('moves through the devices with the arrow keys', async () => {
    await open();
    await addDevice('meter-1', 5);
    await until('two devices', async () => (await page.locator('.device').count()) === 2);
    await page.focus('li:first-child > .device');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await until('the second device', async () => (await text('#chart-title')) === 'meter-1');
  });

  it('asks for the key and works with it', async () => {
    await open({ auth: 'on', dataDir: folder() });
    await page.waitForSelector('#key-dialog[open]');
    await page.fill('#key-field', /rsk_\S+/.exec(node.printed[0]!)![0]);
    await page.keyboard.press('Enter');
    await page.waitForSelector('.device');
    await page.waitForSelector('#connection[data-state="live"]');
    // The browser itself notes each 401 of the first requests; nothing else is wrong.
    assert.deepEqual(
      complaints.filter((complaint) => !complaint.includes('401')),
      [],
    );
  });

  it('shows what clients send as text alone', async () => {
    await open();
    await page.waitForSelector('#connection[data-state="live"]');
    const alert = sampleAlert({ id: 'x', device: 'ahu-3', reasons: ['<img src=x onerror=alert(1)>'] });
    node.readSide.alertsById.set(alert.id, alert);
    await node.broker.broadcast('alert.raised', { alert });
    await page.waitForSelector('.alert >> text=<img src=x');
    assert.equal(await page.locator('.alert img').count(), 0);
    assert.deepEqual(complaints, []);
  });
});
