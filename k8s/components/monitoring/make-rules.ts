/** Writes the rules and dashboards of `monitoring/` as objects of Kubernetes: `npx tsx k8s/components/monitoring/make-rules.ts`. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parse, stringify } from 'yaml';

const MONITORING = fileURLToPath(new URL('../../../monitoring/', import.meta.url));
const HERE = fileURLToPath(new URL('.', import.meta.url));
const HEAD = '# Made by make-rules.ts of what lies in monitoring/. Change it there.\n';

/** File name → text. */
export function monitoringObjects(): Readonly<Record<string, string>> {
  const { groups } = parse(readFileSync(`${MONITORING}rules/redshank.yaml`, 'utf8')) as { groups: object[] };
  const rule = {
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'PrometheusRule',
    metadata: { name: 'redshank' },
    spec: { groups },
  };
  const dashboards = readdirSync(`${MONITORING}grafana/dashboards`)
    .sort()
    .map((file) => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: {
        name: `redshank-dashboard-${file.replace('.json', '')}`,
        // The sidecar of Grafana's chart looks for it.
        labels: { grafana_dashboard: '1' },
      },
      data: { [`redshank-${file}`]: readFileSync(`${MONITORING}grafana/dashboards/${file}`, 'utf8') },
    }));
  return {
    'prometheus-rule.yaml': HEAD + stringify(rule, { lineWidth: 0 }),
    'dashboards.yaml': HEAD + dashboards.map((one) => stringify(one, { lineWidth: 0 })).join('---\n'),
  };
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  for (const [name, text] of Object.entries(monitoringObjects())) writeFileSync(HERE + name, text);
}
