/**
 * TensorFlow.js with the best backend that this machine has: the native library where the optional `@tensorflow/tfjs-node` could be
 * installed, else WebAssembly, else plain JavaScript. It trains, and checks what `network.ts` computes; it scores no device.
 */
import { createRequire } from 'node:module';
import { dirname, sep } from 'node:path';
import type * as Core from '@tensorflow/tfjs-core';
import type * as Layers from '@tensorflow/tfjs-layers';
import { SettingInvalidError } from '../errors.js';

export const BACKENDS = ['node', 'wasm', 'cpu'] as const;
export type BackendName = (typeof BACKENDS)[number];

export interface TensorFlow {
  readonly backend: BackendName;
  readonly tf: typeof Core;
  readonly layers: typeof Layers;
  /** Why better backends are not used, best first. */
  readonly passedOver: readonly { readonly backend: BackendName; readonly reason: string }[];
}

/** Optional: its types are there only where it could be installed. */
const NATIVE: string = '@tensorflow/tfjs-node';

/** What TensorFlow.js itself calls them. */
const REGISTERED: Readonly<Record<BackendName, string>> = { node: 'tensorflow', wasm: 'wasm', cpu: 'cpu' };

/**
 * @param choice a backend, or `auto` for the best that loads
 * @throws SettingInvalidError when the one that was asked for does not load
 */
export async function openTensorFlow(choice: BackendName | 'auto' = 'auto'): Promise<TensorFlow> {
  const [tf, layers] = await Promise.all([import('@tensorflow/tfjs-core'), import('@tensorflow/tfjs-layers')]);
  // Without it, the plain backend prints a banner into the log.
  tf.enableProdMode();
  const passedOver: { backend: BackendName; reason: string }[] = [];
  for (const backend of choice === 'auto' ? BACKENDS : [choice]) {
    const reason = await load(tf, backend);
    if (reason === undefined) return { backend, tf, layers, passedOver };
    passedOver.push({ backend, reason });
  }
  throw new SettingInvalidError(
    passedOver.map(
      ({ backend, reason }) => `TFJS_BACKEND must be one that loads here: ${backend} does not (${reason})`,
    ),
  );
}

/** @returns why it cannot be used, undefined when it is in use */
async function load(tf: typeof Core, backend: BackendName): Promise<string | undefined> {
  try {
    if (backend === 'node') await import(NATIVE);
    else if (backend === 'cpu') await import('@tensorflow/tfjs-backend-cpu');
    else await loadWasm();
    const isSet = await withoutNewListeners(() => tf.setBackend(REGISTERED[backend]));
    return isSet ? undefined : 'it does not start';
  } catch (error) {
    return error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
  }
}

async function loadWasm(): Promise<void> {
  const wasm = await import('@tensorflow/tfjs-backend-wasm');
  const main = createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm');
  wasm.setWasmPaths(dirname(main) + sep);
  // One thread: it is deterministic, and workers of ours use the other cores.
  wasm.setThreadsCount(1);
  const { registerConvolutionGradient } = await import('./wasm-convolution-gradient.js');
  registerConvolutionGradient();
}

/** Its loader takes over what happens on faults of the process, and prints its own source then: what it adds is taken away. */
async function withoutNewListeners<T>(work: () => Promise<T>): Promise<T> {
  const events = ['uncaughtException', 'unhandledRejection'] as const;
  const before = events.map((event) => process.rawListeners(event));
  try {
    return await work();
  } finally {
    events.forEach((event, i) => {
      for (const listener of process.rawListeners(event)) {
        if (!before[i]!.includes(listener)) process.removeListener(event, listener as (...args: unknown[]) => void);
      }
    });
  }
}
