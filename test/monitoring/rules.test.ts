/** Alerts, runbooks and dashboards: valid, tested by promtool, and about metrics that there are. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, stringify } from 'yaml';
import { monitoringObjects } from '../../k8s/components/monitoring/make-rules.js';
import { exportedMetrics, seriesOf } from '../support/exported-metrics.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const RULES = 'monitoring/rules/redshank.yaml';
const text = (path: string): string => readFileSync(ROOT + path, 'utf8');

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly description: string; readonly runbook_url: string };
}
const rules = (parse(text(RULES)) as { groups: { rules: Rule[] }[] }).groups.flatMap((group) => group.rules);

function tool(context: Mocha.Context, program: string, ...args: readonly string[]): void {
  const { error, status, stdout, stderr } = spawnSync(program, args, { cwd: ROOT, encoding: 'utf8' });
  if (error !== undefined) {
    console.log(`Skipped: there is no ${program}. Install Debian's prometheus and prometheus-alertmanager.`);
    context.skip();
  }
  assert.equal(status, 0, stdout + stderr);
}

/** Metrics of others: of Prometheus itself, of Node, of the process, of the exporter that comes with NATS. */
const FOREIGN = /^(up|ALERTS|process_\w+|nodejs_\w+|(nats|jetstream)_server_\w+)$/;

/** What the pages ask of other programs than Prometheus. */
const COMMAND = /^(npx|kubectl|nats|redis-cli|chronyc|docker|curl) /;

function metricsIn(expr: string): string[] {
  const bare = expr.replaceAll(/"[^"]*"/g, '').replaceAll(/\bby \([^)]*\)|\bon \([^)]*\)/g, '');
  return [...bare.matchAll(/\b([a-z_]+(?:_[a-z]+)+|up)\b(?=[{[)\s]|$)/g)]
    .map(([, name]) => name!)
    .filter((name) => !/^(histogram_quantile|max_over_time)$/.test(name));
}

describe('monitoring/', function () {
  this.timeout(60_000);
  const folder = temporaryFolder();
  const series = new Set(exportedMetrics().flatMap(seriesOf));

  it('has rules and a configuration that promtool takes', function () {
    tool(this, 'promtool', 'check', 'rules', RULES);
    tool(this, 'promtool', 'check', 'config', 'monitoring/prometheus.yml');
  });

  it('fires each alert where it should, and only there', function () {
    tool(this, 'promtool', 'test', 'rules', 'monitoring/rules-tests/redshank.test.yaml');
    const tests = parse(text('monitoring/rules-tests/redshank.test.yaml')) as { tests: { name: string }[] };
    assert.deepEqual(
      [...new Set(tests.tests.map(({ name }) => name.replace(/:.*/, '')))].sort(),
      rules.flatMap(({ alert }) => [`${alert} does not fire`, `${alert} fires`]).sort(),
    );
  });

  it('has a configuration that Alertmanager takes', function () {
    tool(this, 'amtool', 'check-config', 'monitoring/alertmanager.yml');
  });

  it('silences, when another fires, alerts that there are', () => {
    const { inhibit_rules: inhibitions } = parse(text('monitoring/alertmanager.yml')) as {
      inhibit_rules: Record<'source_matchers' | 'target_matchers', string[]>[];
    };
    for (const matcher of inhibitions.flatMap((one) => [...one.source_matchers, ...one.target_matchers])) {
      const [, names] = /^alertname=~?"([\w|]+)"$/.exec(matcher)!;
      for (const name of names!.split('|'))
        assert.ok(
          rules.some(({ alert }) => alert === name),
          name,
        );
    }
  });

  it('says of each alert what it is, how bad, and where to read on; each has its page, and each page its alert', () => {
    for (const { alert, labels, annotations } of rules) {
      assert.ok(['critical', 'warning', 'info'].includes(labels.severity), alert);
      assert.ok(annotations.summary.length > 10 && annotations.description.length > 10, alert);
      assert.match(annotations.runbook_url, new RegExp(`/docs/runbooks/${alert}\\.md$`));
    }
    const pages = readdirSync(`${ROOT}docs/runbooks`).map((name) => name.replace(/\.md$/, ''));
    assert.deepEqual(pages.sort(), rules.map(({ alert }) => alert).sort());
    for (const page of pages) {
      const links = [...text(`docs/runbooks/${page}.md`).matchAll(/\]\(([^)#]+)/g)].map(([, to]) => to!);
      for (const link of links)
        assert.doesNotThrow(() => readFileSync(new URL(link, `file://${ROOT}docs/runbooks/`)), `${page}: ${link}`);
    }
  });

  it('has pages that ask what Prometheus can answer, and end where the alert does', function () {
    const asked: { record: string; expr: string }[] = [];
    for (const { alert, expr } of rules) {
      const blocks = [...text(`docs/runbooks/${alert}.md`).matchAll(/^```\n(.*?)\n```$/gms)].map(([, block]) => block!);
      assert.equal(blocks.at(-1), expr, alert);
      const lines = blocks.flatMap((block) => block.split('\n')).filter((line) => !COMMAND.test(line));
      for (const line of lines) {
        for (const name of metricsIn(line)) assert.ok(series.has(name) || FOREIGN.test(name), `${name} in ${alert}`);
        asked.push({ record: `page:${asked.length}`, expr: line });
      }
    }
    assert.ok(asked.length > 40, String(asked.length));
    const file = join(folder(), 'rules.yaml');
    writeFileSync(file, stringify({ groups: [{ name: 'pages', rules: asked }] }));
    tool(this, 'promtool', 'check', 'rules', file);
  });

  it('names metrics that the code exports', () => {
    const dashboards = readdirSync(`${ROOT}monitoring/grafana/dashboards`).flatMap((name) => {
      const { panels } = JSON.parse(text(`monitoring/grafana/dashboards/${name}`)) as {
        panels: { targets: { expr: string }[] }[];
      };
      return panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
    });
    let count = 0;
    for (const expr of [...rules.map((rule) => rule.expr), ...dashboards]) {
      for (const name of metricsIn(expr)) {
        count++;
        assert.ok(series.has(name) || FOREIGN.test(name), `${name} in ${expr}`);
      }
    }
    assert.ok(count > 60, String(count));
  });

  it('is the same in Kubernetes', () => {
    for (const [name, expected] of Object.entries(monitoringObjects())) {
      assert.equal(
        text(`k8s/components/monitoring/${name}`),
        expected,
        `${name}: npx tsx k8s/components/monitoring/make-rules.ts`,
      );
    }
  });

  it('has every metric in docs/metrics.md, with its type and labels, and no other', () => {
    const rows = [...text('docs/metrics.md').matchAll(/^\| `(redshank_\w+)` \| (\w+) \| (.*?) \| .+ \|$/gm)].map(
      ([, name, type, labels]) => `${name} ${type} ${labels}`,
    );
    const expected = exportedMetrics()
      .filter(({ name }) => name.startsWith('redshank_'))
      .map(({ name, type, labels }) => `${name} ${type} ${labels.map((label) => `\`${label}\``).join(', ') || '–'}`);
    assert.deepEqual(rows, expected);
  });

  it('labels nothing by what comes from outside', () => {
    const allowed = [
      'stage',
      'partition',
      'method',
      'route',
      'status',
      'outcome',
      'reason',
      'change',
      'severity',
      'verdict',
      'profile',
      'format',
      'result',
      'version',
      'role',
      'service',
      'backend',
    ];
    for (const { name, labels } of exportedMetrics().filter((metric) => metric.name.startsWith('redshank_'))) {
      for (const label of labels) assert.ok(allowed.includes(label), `${name} ${label}`);
    }
  });
});
