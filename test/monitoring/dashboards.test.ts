/** A real Prometheus scrapes a running cluster: every metric is there, and every panel of every dashboard has data. */
import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { Cluster } from '../support/cluster.js';
import { exportedMetrics, seriesOf } from '../support/exported-metrics.js';
import { SERVICE_NAMES } from '../../models/settings.js';
import { freePort } from '../support/free-port.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { until } from '../support/until.js';

const DASHBOARDS = fileURLToPath(new URL('../../monitoring/grafana/dashboards/', import.meta.url));
const RULES = fileURLToPath(new URL('../../monitoring/rules/redshank.yaml', import.meta.url));
/** What is there only after something that this test does not do. */
const NEEDS_MORE: Readonly<Record<string, string>> = {
  redshank_model_drift_devices: 'a trained model, watched for a while',
  redshank_training_backend_info: 'a training',
  redshank_log_free_bytes: 'a limit of the account at NATS',
  redshank_bus_retries_total: 'a call that failed',
  redshank_bus_refused_calls_total: 'a stranger',
  redshank_mqtt_messages_total: 'a client of MQTT',
};
const isWanting = (expr: string): boolean => Object.keys(NEEDS_MORE).some((name) => expr.includes(name));

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
  let cluster: Cluster | undefined;
  afterEach(async () => {
    prometheus?.kill();
    if (prometheus !== undefined) await once(prometheus, 'exit');
    await cluster?.stop();
    cluster = prometheus = undefined;
  });

  it('have data in every panel', async function () {
    if (spawnSync('prometheus', ['--version']).error !== undefined) {
      console.log("Skipped: there is no prometheus. Install Debian's prometheus.");
      this.skip();
    }
    const home = folder();
    const port = await freePort();
    // A process a service, as in Kubernetes: with it goes that no metric hides behind another process's.
    cluster = await Cluster.start({
      partitions: 4,
      env: { LOG_LEVEL: 'warn' },
      parts: SERVICE_NAMES.map((name) => ({ name, services: [name] })),
    });
    const { url } = cluster;
    const post = (path: string, body: object) =>
      fetch(url + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
    const targets = cluster.parts().map(({ metricsUrl }) => new URL(metricsUrl).host);
    const config = join(home, 'prometheus.yml');
    writeFileSync(
      config,
      JSON.stringify({
        global: { scrape_interval: '500ms' },
        scrape_configs: [{ job_name: 'redshank', static_configs: [{ targets }] }],
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
    await until('a scrape', async () => (await query('up == 1').catch(() => [])).length === targets.length);

    const startMs = Date.now() - 6 * 3_600_000;
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
    for (const { where, description, fieldConfig, targets } of panels) {
      assert.ok(description.length > 2 && fieldConfig.defaults.unit !== '', where);
      for (const { expr } of targets) {
        if (isWanting(expr)) {
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

    for (const metric of exportedMetrics().filter(({ name }) => name.startsWith('redshank_') && !isWanting(name))) {
      for (const name of seriesOf(metric)) {
        await until(`the metric ${name}`, async () => (await query(name)).length > 0, 75_000);
      }
    }
    const { groups } = parse(readFileSync(RULES, 'utf8')) as {
      groups: { rules: { alert: string; expr: string }[] }[];
    };
    for (const { alert, expr } of groups.flatMap(({ rules }) => rules)) {
      // What is sent here is an anomaly from the 300th second on.
      if (alert === 'TooManyAnomalies') continue;
      const found = await query(expr);
      assert.deepEqual(found, [], `${alert} fires while all is well: ${JSON.stringify(found)}`);
    }
  });
});
