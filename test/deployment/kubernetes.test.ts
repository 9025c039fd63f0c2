/* eslint-disable @typescript-eslint/no-unsafe-member-access, @typescript-eslint/no-unsafe-assignment, @typescript-eslint/no-unsafe-argument,
   @typescript-eslint/no-unsafe-return, @typescript-eslint/no-unsafe-call --
   manifests are objects of a dozen kinds, and each test looks at what it knows */
/** The manifests: built by kustomize, judged by the schemas of Kubernetes, and held against what the code does. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';
import { loadSettings, SERVICE_NAMES } from '../../models/settings.js';
import { FIELDS } from '../../models/settings/fields.js';
import { SHUTDOWN_MS } from '../../moleculer.config.js';
import { exportedMetrics } from '../support/exported-metrics.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const COMPONENTS = ['keda', 'vpa', 'backup', 'model-volume', 'monitoring'];
const SETS = ['k8s/base', 'k8s/overlays/development', 'k8s/overlays/production'];

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels?: Record<string, string> };
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  readonly [part: string]: any;
}

/** GA since 1.24 or before, and there in all later ones. */
const BUILT_IN: Readonly<Record<string, readonly string[]>> = {
  v1: ['Namespace', 'ServiceAccount', 'Service', 'ConfigMap', 'ResourceQuota', 'LimitRange', 'PersistentVolumeClaim'],
  'apps/v1': ['Deployment'],
  'autoscaling/v2': ['HorizontalPodAutoscaler'],
  'batch/v1': ['CronJob'],
  'networking.k8s.io/v1': ['Ingress', 'NetworkPolicy'],
  'policy/v1': ['PodDisruptionBudget'],
  'rbac.authorization.k8s.io/v1': ['Role', 'RoleBinding'],
  'scheduling.k8s.io/v1': ['PriorityClass'],
};
/** With a package of schemas; those of VPA and Velero have none, and are small. */
const CUSTOM: Readonly<Record<string, string>> = {
  'cert-manager.io/v1': '@kubernetes-models/cert-manager/cert-manager.io/v1',
  'keda.sh/v1alpha1': '@kubernetes-models/keda/keda.sh/v1alpha1',
  'monitoring.coreos.com/v1': '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1',
};
const WITHOUT_SCHEMA = ['autoscaling.k8s.io/v1', 'velero.io/v1'];

let kubernetes: Record<string, { getAttributeTypeMap?: () => readonly Attribute[] }> = {};

function build(folder: string): readonly Manifest[] {
  const { status, stdout, stderr } = spawnSync('kubectl', ['kustomize', folder], {
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  });
  assert.equal(status, 0, `${folder}: ${stderr}`);
  return parseAllDocuments(stdout).map((document) => document.toJS() as Manifest);
}

describe('k8s/', function () {
  this.timeout(60_000);
  const sets = new Map<string, readonly Manifest[]>();
  let scratch: string | undefined;

  before(async function () {
    // The classes alone: the client around them wants a newer Node than the oldest that we run on.
    const models = new URL('node_modules/@kubernetes/client-node/dist/gen/models/all.js', `file://${ROOT}`);
    kubernetes = (await import(models.href)) as typeof kubernetes;
    if (spawnSync('kubectl', ['version', '--client']).error !== undefined) {
      console.log('Skipped: there is no kubectl, which builds the manifests.');
      this.skip();
    }
    for (const set of SETS) sets.set(set, build(join(ROOT, set)));
    scratch = mkdtempSync(join(ROOT, 'k8s/.test-'));
    for (const name of COMPONENTS) {
      const base = relative(scratch, join(ROOT, 'k8s/base'));
      writeFileSync(
        join(scratch, 'kustomization.yaml'),
        `resources: [${base}]\ncomponents: [../components/${name}]\nnamespace: redshank\n`,
      );
      sets.set(`component ${name}`, build(scratch));
    }
  });
  after(() => {
    if (scratch !== undefined) rmSync(scratch, { recursive: true, force: true });
  });

  const each = (check: (manifest: Manifest, where: string) => void | Promise<void>) => async () => {
    assert.equal(sets.size, SETS.length + COMPONENTS.length);
    for (const [set, manifests] of sets) {
      for (const manifest of manifests) {
        await check(manifest, `${set}: ${manifest.kind} ${manifest.metadata.name}`);
      }
    }
  };
  const workloads = (check: (pod: Manifest, where: string, manifest: Manifest) => void) =>
    each((manifest, where) => {
      const { spec } = manifest;
      if (manifest.kind === 'Deployment') check(spec.template.spec, where, manifest);
      if (manifest.kind === 'CronJob') check(spec.jobTemplate.spec.template.spec, where, manifest);
    });

  it(
    'has no field that Kubernetes does not know, and none of a wrong type',
    each((manifest, where) => {
      if (BUILT_IN[manifest.apiVersion] === undefined) return;
      const version = manifest.apiVersion === 'autoscaling/v2' ? 'V2' : 'V1';
      assert.deepEqual(faultsOf(manifest, `${version}${manifest.kind}`, where), []);
    }),
  );

  it('would be told of one', () => {
    const [deployment] = sets.get('k8s/base')!.filter(({ kind }) => kind === 'Deployment');
    const wrong = structuredClone(deployment) as unknown as { spec: { template: { spec: { containers: object[] } } } };
    Object.assign(wrong.spec.template.spec.containers[0]!, { comand: ['x'], tty: 'yes' });
    assert.deepEqual(faultsOf(wrong, 'V1Deployment', ''), [
      '.spec.template.spec.containers[0].comand is not a field of V1Container',
      '.spec.template.spec.containers[0].tty must be of type boolean',
    ]);
  });

  it(
    'has all that the schemas demand, of other projects too, and nothing newer than Kubernetes 1.24',
    each(async (manifest, where) => {
      const { apiVersion, kind } = manifest;
      if (WITHOUT_SCHEMA.includes(apiVersion)) return;
      const isKnown = BUILT_IN[apiVersion]?.includes(kind) ?? CUSTOM[apiVersion] !== undefined;
      assert.ok(isKnown, `${where}: ${apiVersion} is not of 1.24`);
      const path = `${CUSTOM[apiVersion] ?? `kubernetes-models/${apiVersion}`}/${kind}`;
      const models = (await import(path)) as Record<string, new (value: object) => { validate(): void }>;
      assert.doesNotThrow(() => {
        new models[kind]!(structuredClone(manifest)).validate();
      }, where);
    }),
  );

  it(
    'runs restricted pods: no root, no privilege, nothing writable but volumes',
    workloads((pod, where) => {
      assert.equal(pod.securityContext.runAsNonRoot, true, where);
      assert.equal(pod.securityContext.runAsUser, 1000, where);
      assert.equal(pod.securityContext.seccompProfile.type, 'RuntimeDefault', where);
      assert.equal(pod.automountServiceAccountToken, false, where);
      for (const { securityContext } of pod.containers) {
        assert.equal(securityContext.allowPrivilegeEscalation, false, where);
        assert.equal(securityContext.readOnlyRootFilesystem, true, where);
        assert.deepEqual(securityContext.capabilities.drop, ['ALL'], where);
      }
    }),
  );

  it(
    'sets requests and limits, names a release, and never takes the latest',
    workloads((pod, where) => {
      for (const { resources, image } of pod.containers) {
        for (const name of ['cpu', 'memory', 'ephemeral-storage'])
          assert.ok(resources.requests[name], `${where} ${name}`);
        assert.ok(resources.limits.memory, where);
        assert.match(image, /:\d+\.\d+\.\d+$/, where);
      }
    }),
  );

  it(
    'probes each process, and gives it time to hand its partitions over',
    workloads((pod, where, { kind }) => {
      if (kind !== 'Deployment') return;
      const [container] = pod.containers;
      const { startupProbe, livenessProbe, readinessProbe, lifecycle } = container;
      assert.equal(startupProbe.httpGet.path, '/health', where);
      assert.deepEqual(
        [livenessProbe.httpGet.path, livenessProbe.initialDelaySeconds, livenessProbe.periodSeconds],
        ['/health', 30, 10],
      );
      assert.deepEqual(
        [readinessProbe.httpGet.path, readinessProbe.initialDelaySeconds, readinessProbe.periodSeconds],
        ['/ready', 5, 5],
      );
      const [, ms = '0'] = /setTimeout\(\(\) => \{\}, ([\d_]+)\)/.exec(lifecycle.preStop.exec.command[2]) ?? [];
      const preStopSec = Number(ms.replaceAll('_', '')) / 1_000;
      assert.ok(preStopSec >= 5, where);
      assert.ok(pod.terminationGracePeriodSeconds > preStopSec + SHUTDOWN_MS / 1_000, where);
    }),
  );

  it('has each service as a Deployment, with its Service, account, budget and autoscaler', () => {
    for (const set of SETS) {
      const manifests = sets.get(set)!;
      const of = (kind: string): string[] =>
        manifests.filter((one) => one.kind === kind).map(({ metadata }) => metadata.name);
      for (const kind of ['Deployment', 'Service', 'PodDisruptionBudget', 'HorizontalPodAutoscaler']) {
        assert.deepEqual(of(kind).sort(), [...SERVICE_NAMES].sort(), `${set} ${kind}`);
      }
      for (const name of SERVICE_NAMES) assert.ok(of('ServiceAccount').includes(name));
    }
  });

  it(
    'selects by labels that pods have',
    each((manifest, where) => {
      const { kind, spec } = manifest;
      const pods = sets
        .get('k8s/base')!
        .filter((one) => one.kind === 'Deployment')
        .map((one) => one['spec'].template.metadata.labels);
      const selector =
        kind === 'Service'
          ? spec.selector
          : kind === 'PodDisruptionBudget'
            ? spec.selector.matchLabels
            : kind === 'NetworkPolicy'
              ? spec.podSelector.matchLabels
              : undefined;
      if (selector === undefined) return;
      assert.ok(
        pods.some((labels) => Object.entries(selector).every(([name, value]) => labels[name] === value)),
        where,
      );
    }),
  );

  it('lets through what the code says and hears, and nothing else', () => {
    const policies = sets.get('k8s/base')!.filter(({ kind }) => kind === 'NetworkPolicy');
    const flows = policies.flatMap(({ spec }) => [
      ...(spec.egress ?? []).flatMap((rule: Manifest) =>
        rule['ports'].map(({ port }: { port: number }) => `out ${port}`),
      ),
      ...(spec.ingress ?? []).flatMap((rule: Manifest) =>
        rule['ports'].map(({ port }: { port: number }) => `in ${port}`),
      ),
    ]);
    const { port, metricsPort } = loadSettings({ env: {} });
    // NATS_URL, REDIS_URL and their names; HTTP of the gateway; metrics, health and readiness.
    assert.deepEqual(
      [...new Set(flows)].sort(),
      [`in ${port}`, `in ${metricsPort}`, 'out 4222', 'out 53', 'out 6379'].sort(),
    );
    const [denied] = policies.filter(({ metadata }) => metadata.name === 'deny-all');
    assert.deepEqual(denied!['spec'], { podSelector: {}, policyTypes: ['Ingress', 'Egress'] });
  });

  it('sets nothing that the code does not read', async () => {
    const text = readFileSync(join(ROOT, 'k8s/base/config.yaml'), 'utf8');
    const settings = loadSettings({
      env: { NATS_URL: 'nats://n', REDIS_URL: 'redis://r', HOST: '0.0.0.0' },
      file: { path: 'config.yaml', text },
    });
    assert.equal(settings.partitions, 32);
    const known = [...FIELDS.flatMap(({ env }) => env ?? []), 'CONFIG_FILE'];
    await workloads((pod, where) => {
      for (const { env } of pod.containers)
        for (const { name } of env) assert.ok(known.includes(name), `${where} ${name}`);
    })();
  });

  it('has Prometheus call what it scrapes by the job that rules ask for', () => {
    const manifests = sets.get('component monitoring')!;
    const monitor = manifests.find(({ kind }) => kind === 'ServiceMonitor')!;
    const labels = Object.entries(monitor['spec'].selector.matchLabels);
    const scraped = manifests.filter(
      ({ kind, metadata }) => kind === 'Service' && labels.every(([name, value]) => metadata.labels?.[name] === value),
    );
    assert.equal(scraped.length, SERVICE_NAMES.length);
    const rules = JSON.stringify(manifests.filter(({ kind }) => kind === 'PrometheusRule'));
    const jobs = new Set([...rules.matchAll(/job=\\"([^"\\]+)/g)].map(([, job]) => job));
    for (const { metadata } of scraped) {
      assert.deepEqual(new Set([metadata.labels?.[monitor['spec'].jobLabel]]), jobs, metadata.name);
    }
  });

  it('scales by metrics that the code exports', async () => {
    const names = exportedMetrics().map(({ name }) => name);
    const adapter = readFileSync(join(ROOT, 'k8s/helm-values/prometheus-adapter.yaml'), 'utf8');
    const served = [...adapter.matchAll(/seriesQuery: (\w+)\{/g)].map(([, name]) => name!);
    for (const name of served) assert.ok(names.includes(name), name);
    const asServed = served.map((name) => name.replace(/_total$/, '_per_second'));
    await each(({ kind, spec }, where) => {
      const metrics = kind === 'HorizontalPodAutoscaler' ? (spec.metrics as Manifest[]) : [];
      for (const { type, pods } of metrics) if (type === 'Pods') assert.ok(asServed.includes(pods.metric.name), where);
      if (kind !== 'ScaledObject') return;
      for (const { metadata } of spec.triggers) {
        const [name] = /redshank_\w+/.exec(metadata.query)!;
        assert.ok(names.includes(name), where);
      }
    })();
  });

  it(
    'hands secrets by name alone',
    workloads((pod, where) => {
      for (const { env } of pod.containers) {
        for (const { name, value } of env) {
          assert.ok(!/SECRET|PASSWORD|NATS_URL|REDIS_URL/.test(name) || value === undefined, `${where} ${name}`);
        }
      }
    }),
  );
});

interface Attribute {
  readonly baseName: string;
  readonly type: string;
}

/** What of `value` a class of the official client does not know. */
function faultsOf(value: unknown, type: string, path: string): string[] {
  const [, list] = /^Array<(.*)>$/.exec(type) ?? [];
  if (list !== undefined) {
    if (!Array.isArray(value)) return [`${path} must be a list`];
    return value.flatMap((one, i) => faultsOf(one, list, `${path}[${i}]`));
  }
  const [, inner] = /^\{ \[key: string\]: (.*); \}$/.exec(type) ?? [];
  if (inner !== undefined) {
    return Object.entries(value as object).flatMap(([name, one]) => faultsOf(one, inner, `${path}.${name}`));
  }
  if (['string', 'number', 'boolean'].includes(type))
    return typeof value === type ? [] : [`${path} must be of type ${type}`];
  if (type === 'IntOrString')
    return ['number', 'string'].includes(typeof value) ? [] : [`${path} must be a number or text`];
  const model = kubernetes[type];
  if (model?.getAttributeTypeMap === undefined)
    return ['any', 'object', 'Date'].includes(type) ? [] : [`${path}: there is no ${type}`];
  const known = new Map(model.getAttributeTypeMap().map((attribute) => [attribute.baseName, attribute.type]));
  return Object.entries(value as object).flatMap(([name, one]) => {
    const attribute = known.get(name);
    return attribute === undefined
      ? [`${path}.${name} is not a field of ${type}`]
      : faultsOf(one, attribute, `${path}.${name}`);
  });
}
