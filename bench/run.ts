/** `npm run bench [-- NAME…] [--json]`: runs benchmarks one after the other and prints what they measured. */
import { execFileSync } from 'node:child_process';
import { cpus } from 'node:os';
import { clusterBenchmark } from './cluster.bench.js';
import { detectionBenchmark } from './detection.bench.js';
import { gatewayBenchmark } from './gateway.bench.js';
import type { Report } from './measurement.js';
import { neuralBenchmark } from './neural.bench.js';
import { pipelineBenchmark } from './pipeline.bench.js';

const BENCHMARKS: Readonly<Record<string, (report: Report) => Promise<void>>> = {
  pipeline: pipelineBenchmark,
  cluster: clusterBenchmark,
  detection: detectionBenchmark,
  neural: neuralBenchmark,
  gateway: gatewayBenchmark,
};

const args = process.argv.slice(2);
const isJson = args.includes('--json');
const names = args.filter((arg) => arg !== '--json');
const unknown = names.filter((name) => !Object.hasOwn(BENCHMARKS, name));
if (unknown.length > 0) {
  console.error(`There is no benchmark ${unknown.join(', ')}. There are: ${Object.keys(BENCHMARKS).join(', ')}`);
  process.exit(2);
}

function commit(): string {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8', stdio: 'pipe' }).trim();
  } catch {
    return 'unknown';
  }
}

if (!isJson) {
  console.log(
    `${cpus()[0]?.model ?? 'unknown CPU'}, ${cpus().length} cores, Node ${process.version}, commit ${commit()}`,
  );
}
const missed: string[] = [];
for (const name of names.length > 0 ? names : Object.keys(BENCHMARKS)) {
  await BENCHMARKS[name]!(({ target, peer, isCost = false, ...measured }) => {
    const ok = target === undefined || (isCost ? measured.value <= target : measured.value >= target);
    if (!ok) missed.push(measured.name);
    if (isJson) console.log(JSON.stringify({ ...measured, target: target ?? null, peer: peer ?? null, ok }));
    else {
      const wanted =
        target === undefined
          ? ''
          : `  (${isCost ? '≤' : '≥'} ${target}: ${ok ? 'ok' : 'MISSED'}${peer === undefined ? '' : `; best published ${peer}`})`;
      console.log(
        `${measured.name.padEnd(48)} ${measured.value.toPrecision(4).padStart(10)} ${measured.unit}${wanted}`,
      );
    }
  });
}
process.exitCode = missed.length === 0 ? 0 : 1;
