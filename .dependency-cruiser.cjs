/** Imports flow one way: services → mixins → storage → models. See CONTRIBUTING.md. */
const layer = (name, from, forbidden, why) => ({
  name,
  comment: why,
  severity: 'error',
  from: { path: from },
  to: { path: forbidden },
});

module.exports = {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    layer(
      'models-are-pure',
      '^models/',
      '^(storage|mixins|services|cli|bench|test)/',
      'models know no broker, disk or network',
    ),
    layer(
      'models-know-no-broker',
      '^models/',
      'node_modules/(moleculer|moleculer-web|nats|@nats-io|ioredis|lmdb|pino|prom-client)/',
      'models know no broker, store, log or metric',
    ),
    {
      name: 'models-do-no-io',
      severity: 'error',
      // That one looks for a file of a library within its own package.
      from: { path: '^models/', pathNot: '^models/neural/tensorflow.ts$' },
      to: { dependencyTypes: ['core'], pathNot: '^(node:)?crypto$' },
    },
    layer('storage-below-mixins', '^storage/', '^(mixins|services|cli|bench|test)/', 'storage stands on models alone'),
    layer(
      'storage-knows-no-broker',
      '^storage/',
      'node_modules/(moleculer|moleculer-web)/',
      'storage is usable without a broker',
    ),
    layer('mixins-below-services', '^mixins/', '^(services|cli|bench|test)/', 'mixins serve services'),
    layer('services-below-cli', '^services/', '^(cli|bench|test)/', 'services do not know who starts them'),
    layer(
      'product-without-tests',
      '^(models|storage|mixins|services|cli)/',
      '^(test|bench|k8s|examples)/',
      'tests, deployment and examples are not part of the product',
    ),
    layer(
      'examples-are-foreign',
      '^examples/',
      '^(models|storage|mixins|services|cli|test|bench|k8s)/',
      'an example knows what another team knows: the documents',
    ),
    { name: 'no-unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
