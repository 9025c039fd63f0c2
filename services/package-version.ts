import { readFileSync } from 'node:fs';

/** Version of this release, as `package.json` says. */
export function packageVersion(): string {
  // Beside `services/` in a checkout, one folder further up in `dist/`.
  for (const path of ['../package.json', '../../package.json']) {
    try {
      return (JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')) as { version: string }).version;
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
    }
  }
  return 'unknown';
}
