#!/usr/bin/env node
/**
 * `npm test`: makes sure that what the tests need beyond npm is there, then runs mocha. Arguments go to mocha.
 *
 * What is missing is installed from Debian's packages where that is allowed (root); elsewhere one line says what to install,
 * and the tests that need it are skipped with that message.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Program → Debian package. */
const NEEDED = [
  { program: 'chromium', debian: 'chromium', for: 'the browser tests' },
  { program: 'mosquitto_pub', debian: 'mosquitto-clients', for: 'the test with mosquitto_pub' },
  { program: 'nats-server', debian: 'nats-server', for: 'the tests with a NATS server' },
  { program: 'prometheus', debian: 'prometheus', for: 'the tests with a real Prometheus' },
  { program: 'amtool', debian: 'prometheus-alertmanager', for: 'the test of the configuration of Alertmanager' },
  { program: 'redis-server', debian: 'redis-server', for: 'the tests with Redis' },
];

const has = (program) => spawnSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' }).status === 0;

const missing = NEEDED.filter(({ program }) => !has(program));
if (missing.length > 0) {
  const packages = missing.map(({ debian }) => debian);
  const isAllowed = process.getuid?.() === 0 && existsSync('/etc/debian_version') && has('apt-get');
  if (isAllowed) {
    console.log(`Installing for the tests: ${packages.join(' ')}`);
    const run = (...args) =>
      spawnSync('apt-get', args, {
        stdio: ['ignore', 'ignore', 'inherit'],
        env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      });
    run('-q', 'update');
    run('-q', 'install', '-y', '--no-install-recommends', ...packages);
  }
  for (const { program, debian, for: purpose } of missing) {
    if (!has(program))
      console.log(`Without ${program}, ${purpose} are skipped. To run them: sudo apt-get install ${debian}`);
  }
}

const mocha = fileURLToPath(new URL('../node_modules/mocha/bin/mocha.js', import.meta.url));
const given = process.argv.slice(2);
// Not in .mocharc.json: mocha would add it to the files named on the command line.
const specs = given.some((arg) => arg.startsWith('--spec') || arg.endsWith('.ts'))
  ? []
  : ['--spec', 'test/**/*.test.ts'];
const result = spawnSync(process.execPath, [mocha, ...specs, ...given], { stdio: 'inherit' });
process.exit(result.status ?? 1);
