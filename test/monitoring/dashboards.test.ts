/** A real Prometheus scrapes a running system, and every panel of every dashboard has data. */
import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../support/free-port.js';
import { RedshankProcess } from '../support/redshank-process.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { until } from '../support/until.js';

const DASHBOARDS = fileURLToPath(new URL('../../monitoring/grafana/dashboards/', import.meta.url));
/** What only a trained model that is watched for a while can show. */
const NEEDS_A_MODEL = ['Drift'];

interface Panel {
  readonly title: string;
  readonly description: string;
  readonly fieldConfig: { readonly defaults: { readonly unit: string } };
  readonly targets: readonly { readonly expr: string }[];
}

describe('dashboards', function () {
  this.timeout(240_000);
  const folder = temporaryFolder();
  let prometheus: ChildProcess | undefined;
  let redshank: RedshankProcess | undefined;
  afterEach(async () => {
    prometheus?.kill();
    if (prometheus !== undefined) await once(prometheus, 'exit');
    await redshank?.stop();
  });

  it('have data in every panel', async function () {
    if (spawnSync('prometheus', ['--version']).error !== undefined) {
      console.log("Skipped: there is no prometheus. Install Debian's prometheus.");
      this.skip();
    }
    const home = folder();
    const [metricsPort, port] = [await freePort(), await freePort()];
    redshank = await RedshankProcess.start({ dataDir: join(home, 'data'), env: { METRICS_PORT: String(metricsPort) } });
    const { url } = redshank;
    const post = (path: string, body: object) =>
      fetch(url + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
    const config = join(home, 'prometheus.yml');
    writeFileSync(
      config,
      JSON.stringify({
        global: { scrape_interval: '500ms' },
        scrape_configs: [{ job_name: 'redshank', static_configs: [{ targets: [`127.0.0.1:${metricsPort}`] }] }],
      }),
    );
    prometheus = spawn(
      'prometheus',
      [
        `--config.file=${config}`,
        `--storage.tsdb.path=${join(home, 'tsdb')}`,
        `--web.listen-address=127.0.0.1:${port}`,
      ],
      { stdio: 'ignore' },
    );
    const query = async (expr: string): Promise<readonly { value: [number, string] }[]> => {
      const answer = await fetch(`http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(expr)}`);
      const { status, data, error } = (await answer.json()) as {
        status: string;
        error?: string;
        data: { result: { value: [number, string] }[] };
      };
      assert.equal(status, 'success', `${error}: ${expr}`);
      return data.result;
    };
    await until('a scrape', async () => (await query('up').catch(() => [])).length > 0);

    const startMs = Date.now() - 3_600_000;
    const send = async (from: number, to: number): Promise<void> => {
      const readings = Array.from({ length: to - from }, (_, i) => ({
        device: 'pump-7',
        ts: startMs + 1_000 * (from + i),
        values: { temp: from + i > 300 ? 500 : 20 + Math.sin(from + i) },
      }));
      assert.equal((await post('/v1/readings', { readings })).status, 202);
    };
    await send(0, 310);
    const alert = await until('an alert', async () => {
      const { alerts } = (await (await fetch(`${url}/v1/alerts`)).json()) as { alerts: { id: string }[] };
      return alerts[0];
    });
    await post(`/v1/alerts/${alert.id}/feedback`, { verdict: 'anomaly' });

    const panels = readdirSync(DASHBOARDS).flatMap((name) => {
      const { title, panels: own } = JSON.parse(readFileSync(DASHBOARDS + name, 'utf8')) as {
        title: string;
        panels: Panel[];
      };
      return own.map((panel) => ({ ...panel, where: `${title}: ${panel.title}` }));
    });
    assert.ok(panels.length > 20);
    let next = 310;
    for (const { where, title, description, fieldConfig, targets } of panels) {
      assert.ok(description.length > 2 && fieldConfig.defaults.unit !== '', where);
      for (const { expr } of targets) {
        if (NEEDS_A_MODEL.includes(title)) {
          await query(expr);
          continue;
        }
        await until(
          `${where}: ${expr}`,
          async () => {
            // Rates need something that goes on.
            await send(next, (next += 5));
            await post('/predict', { data: [[1], [2], [3]], window_size: 2 });
            const found = await query(expr);
            return found.length > 0 && found.every(({ value }) => value[1] !== '');
          },
          // The first snapshot comes within a minute.
          75_000,
        );
      }
    }
  });
});
