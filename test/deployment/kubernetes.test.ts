/* eslint-disable @typescript-eslint/no-unsafe-member-access, @typescript-eslint/no-unsafe-assignment, @typescript-eslint/no-unsafe-argument,
   @typescript-eslint/no-unsafe-return, @typescript-eslint/no-unsafe-call --
   manifests are objects of a dozen kinds, and each test looks at what it knows */
/** The manifests: built by kustomize, judged by the schemas of Kubernetes, and held against what the code does. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments, stringify } from 'yaml';
import { loadSettings, SERVICE_NAMES } from '../../models/settings.js';
import { FIELDS } from '../../models/settings/fields.js';
import { readSecrets, secretsOf } from '../../k8s/make-secrets.js';
import { SHUTDOWN_MS } from '../../moleculer.config.js';
import { exportedMetrics } from '../support/exported-metrics.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** Each laid over the base, after those that it needs. */
const COMPONENTS: Readonly<Record<string, readonly string[]>> = {
  keda: [],
  vpa: [],
  backup: [],
  'backup-to-s3': ['backup'],
  'model-volume': [],
  mqtt: [],
  monitoring: [],
};
const OVERLAYS = ['k8s/base', 'k8s/overlays/development', 'k8s/overlays/production'];
const SETS = [...OVERLAYS, 'k8s/servers', 'k8s/servers/mqtt'];

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
const WITHOUT_SCHEMA = ['autoscaling.k8s.io/v1'];

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
    for (const [name, needed] of Object.entries(COMPONENTS)) {
      const base = relative(scratch, join(ROOT, 'k8s/base'));
      const components = [...needed, name].map((one) => `../components/${one}`).join(', ');
      writeFileSync(
        join(scratch, 'kustomization.yaml'),
        `resources: [${base}]\ncomponents: [${components}]\nnamespace: redshank\n`,
      );
      sets.set(`component ${name}`, build(scratch));
    }
  });
  after(() => {
    if (scratch !== undefined) rmSync(scratch, { recursive: true, force: true });
  });

  const each = (check: (manifest: Manifest, where: string) => void | Promise<void>) => async () => {
    assert.equal(sets.size, SETS.length + Object.keys(COMPONENTS).length);
    for (const [set, manifests] of sets) {
      for (const manifest of manifests) {
        await check(manifest, `${set}: ${manifest.kind} ${manifest.metadata.name}`);
      }
    }
  };
  const ofKind = (set: string, kind: string): readonly Manifest[] =>
    sets.get(set)!.filter((manifest) => manifest.kind === kind);
  /** What network policies let through, a line each. */
  const flowsOf = (set: string): string[] =>
    ofKind(set, 'NetworkPolicy')
      .flatMap(({ spec }) => {
        const pods = labelsOf(spec.podSelector);
        const flows = [
          ...(spec.egress ?? []).map((rule: Values) => ({ ...rule, peers: rule['to'], arrow: '->' })),
          ...(spec.ingress ?? []).map((rule: Values) => ({ ...rule, peers: rule['from'], arrow: '<-' })),
        ].map(({ peers, arrow, ports }) => {
          const others = peers?.map((peer: Values) => peerOf(peer)).join(' or ') ?? 'anywhere';
          return `${pods} ${arrow} ${others}, ${ports.map(({ port }: Values) => port).join(' ')}`;
        });
        return flows.length > 0 || spec.policyTypes.length < 2 ? flows : [`${pods}: nothing in, nothing out`];
      })
      .sort();
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

  it('has each service as a Deployment, with its Service, account and budget, and an autoscaler but on a laptop', () => {
    for (const set of OVERLAYS) {
      const of = (kind: string): string[] => ofKind(set, kind).map(({ metadata }) => metadata.name);
      const isLaptop = set.endsWith('development');
      for (const kind of ['Deployment', 'Service', 'PodDisruptionBudget', 'HorizontalPodAutoscaler']) {
        const expected = isLaptop && kind === 'HorizontalPodAutoscaler' ? [] : [...SERVICE_NAMES].sort();
        assert.deepEqual(of(kind).sort(), expected, `${set} ${kind}`);
      }
      for (const name of SERVICE_NAMES) assert.ok(of('ServiceAccount').includes(name));
    }
  });

  it(
    'leaves the number of replicas to autoscalers, which an update would else put back',
    each(({ kind, spec }, where) => {
      if (kind === 'Deployment') assert.equal(spec.replicas, undefined, where);
    }),
  );

  it('has room for all autoscalers at their most, with one replica more of each during an update', () => {
    for (const [set, manifests] of sets) {
      const [quota] = ofKind(set, 'ResourceQuota');
      if (quota === undefined) continue;
      const most = { pods: 0, 'requests.cpu': 0, 'requests.memory': 0, 'limits.memory': 0 };
      for (const { spec, metadata } of ofKind(set, 'Deployment')) {
        const scalers = manifests.filter(
          ({ kind, spec: one }) =>
            ['HorizontalPodAutoscaler', 'ScaledObject'].includes(kind) && one.scaleTargetRef.name === metadata.name,
        );
        assert.ok(scalers.length <= 1, `${set}: ${metadata.name} has two autoscalers`);
        const [scaler] = scalers;
        const replicas = 1 + Number(scaler?.['spec'].maxReplicas ?? scaler?.['spec'].maxReplicaCount ?? 1);
        const { requests, limits } = spec.template.spec.containers[0].resources;
        most.pods += replicas;
        most['requests.cpu'] += replicas * amount(requests.cpu);
        most['requests.memory'] += replicas * amount(requests.memory);
        most['limits.memory'] += replicas * amount(limits.memory);
      }
      for (const [name, wanted] of Object.entries(most)) {
        assert.ok(amount(quota['spec'].hard[name]) >= wanted, `${set}: ${name} must be at least ${wanted}`);
      }
    }
  });

  it(
    'selects by labels that pods have',
    each((manifest, where) => {
      const { kind, spec, metadata } = manifest;
      const selector =
        kind === 'Service'
          ? spec.selector
          : kind === 'PodDisruptionBudget' || kind === 'Deployment'
            ? spec.selector.matchLabels
            : undefined;
      if (selector === undefined) return;
      const pods = ofKind('k8s/base', 'Deployment').filter(({ spec: { template } }) =>
        Object.entries(selector).every(([name, value]) => template.metadata.labels[name] === value),
      );
      assert.deepEqual(
        pods.map((pod) => pod.metadata.name),
        metadata.namespace === 'redshank' ? [metadata.name] : [],
        where,
      );
    }),
  );

  it('lets through what the code says and hears, and nothing else', () => {
    const { port, metricsPort } = loadSettings({ env: {} });
    const nats = 'name=nats in metadata.name=nats';
    const redis = 'name=redis in metadata.name=redis';
    const all = 'part-of=redshank';
    const solver = 'acme.cert-manager.io/http01-solver=true';
    const expected = [
      'all: nothing in, nothing out',
      `all -> all in metadata.name=kube-system or 169.254.20.10/32, 53 53`,
      `${all} -> ${nats}, 4222`,
      `${all} -> ${redis}, 6379`,
      `name=redshank component=gateway <- all in metadata.name=traefik, ${port}`,
      `${all} <- all in metadata.name=monitoring, ${metricsPort}`,
      // Of cert-manager, while it gets the certificate of the host.
      `${solver} <- all in metadata.name=traefik, 8089`,
    ];
    for (const set of OVERLAYS) assert.deepEqual(flowsOf(set), expected.sort(), set);
    assert.deepEqual(
      flowsOf('component backup-to-s3').filter((flow) => !expected.includes(flow)),
      ['name=redshank component=backup|restore -> 0.0.0.0/0, 443'],
    );
    // The other ends: what NATS and Redis let in.
    const member = 'part-of=redshank in metadata.name=redshank';
    assert.deepEqual(
      flowsOf('k8s/servers'),
      [
        `name=nats component=nats <- ${member} or all in redshank.io/may-call=yes or name=nats, 4222`,
        'name=nats component=nats <- name=nats component=nats, 6222',
        'name=nats component=nats <- all in metadata.name=monitoring, 7777',
        `name=redis <- ${member}, 6379`,
        'name=redis <- all in metadata.name=monitoring, 9121',
      ].sort(),
    );
    assert.deepEqual(flowsOf('k8s/servers/mqtt'), ['name=nats component=nats <- anywhere, 1883']);
  });

  it('finds the certificates of NATS and Redis made for the names in the secrets, and each secret that it wants', () => {
    const secrets = secretsOf();
    const names = (name: string): string[] =>
      ofKind('k8s/servers', 'Certificate').find(({ metadata }) => metadata.name === name)!['spec'].dnsNames;
    const valuesOf = (name: string) =>
      Object.values(secrets.find(({ metadata }) => metadata.name === name)!.stringData).map((url) => new URL(url));
    for (const url of valuesOf('redshank-nats')) assert.ok(names('nats-tls').includes(url.hostname), url.hostname);
    for (const url of valuesOf('redshank-redis')) assert.ok(names('redis-tls').includes(url.hostname), url.hostname);

    const made = new Set(
      secrets.flatMap(({ metadata, stringData }) => Object.keys(stringData).map((key) => `${metadata.name} ${key}`)),
    );
    for (const { spec } of ofKind('k8s/base', 'Certificate')) made.add(`${spec.secretName} ca.crt`);
    for (const [set, manifests] of sets) {
      const wanted = JSON.stringify(manifests.filter(({ kind }) => ['Deployment', 'CronJob'].includes(kind)));
      for (const [, key, name] of wanted.matchAll(/"secretKeyRef":\{"key":"([^"]+)","name":"([^"]+)"\}/g)) {
        assert.ok(made.has(`${name} ${key}`), `${set}: ${name} ${key}`);
      }
    }
  });

  it('leaves all passwords as they are when there is one more user', () => {
    const before = secretsOf({ guests: ['guest'] });
    const printed = before.map((one) => stringify(one)).join('---\n');
    const after = secretsOf({ guests: ['guest', 'billing'] }, readSecrets(printed));
    const { NATS_PASSWORD_BILLING: fresh, ...others } = after[0]!.stringData;
    assert.match(fresh!, /^p[0-9a-f]{40}$/);
    assert.deepEqual(
      [others, ...after.slice(1).map((one) => one.stringData)],
      before.map((one) => one.stringData),
    );
    assert.throws(() => readSecrets('kind: ConfigMap'), /--keep must name a file that this program printed/);
  });

  it('sends the metrics of NATS and Redis where their policies let Prometheus in', () => {
    const nats = parseAllDocuments(readFileSync(join(ROOT, 'k8s/helm-values/nats.yaml'), 'utf8'))[0]!.toJS() as Values;
    const redis = parseAllDocuments(
      readFileSync(join(ROOT, 'k8s/helm-values/redis.yaml'), 'utf8'),
    )[0]!.toJS() as Values;
    assert.equal(nats['promExporter'].podMonitor.enabled, true);
    assert.equal(redis['metrics'].serviceMonitor.enabled, true);
    assert.equal(nats['config'].nats.tls.secretName, 'nats-tls');
    assert.equal(redis['tls'].existingSecret, 'redis-tls');
    assert.equal(redis['nameOverride'], 'redis');
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

type Values = Record<string, any>; // eslint-disable-line @typescript-eslint/no-explicit-any

/** `500m`, `1`, `2Gi` as a number. */
function amount(text: string): number {
  const [, digits = '', unit = ''] = /^(\d+)(m|Ki|Mi|Gi)?$/.exec(text) ?? assert.fail(text);
  return Number(digits) * { '': 1, m: 1e-3, Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30 }[unit]!;
}

/** One side of a flow in words: the labels of the pods, and of their namespace. */
function peerOf({ podSelector, namespaceSelector, ipBlock }: Values): string {
  if (ipBlock !== undefined) return ipBlock.cidr;
  const pods = podSelector === undefined ? 'all' : labelsOf(podSelector);
  return namespaceSelector === undefined ? pods : `${pods} in ${labelsOf(namespaceSelector)}`;
}

function labelsOf({ matchLabels = {}, matchExpressions = [] }: Values): string {
  const short = (label: string): string => label.replace(/^(app\.)?kubernetes\.io\//, '');
  const words = [
    ...Object.entries(matchLabels)
      .sort(([a], [b]) => (a < b ? 1 : -1))
      .map(([name, value]) => `${short(name)}=${String(value)}`),
    ...matchExpressions.map(({ key, values }: Values) => `${short(key)}=${values.join('|')}`),
  ];
  return words.length === 0 ? 'all' : words.join(' ');
}

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
