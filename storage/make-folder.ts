/** Folders with all their parents, made one by one. */
import { mkdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/**
 * Makes `path` and the parents that it lacks.
 *
 * Node's own `recursive` never returns where the system says ENOENT for a folder whose parent is there, as `/proc` does.
 *
 * @throws Error of the file system: no right, no room, a file in the way, nothing can be made there.
 */
export function makeFolder(path: string): void {
  const missing: string[] = [];
  let folder = resolve(path);
  while (!isThere(folder)) {
    missing.push(folder);
    if (folder === dirname(folder)) break;
    folder = dirname(folder);
  }
  for (const next of missing.reverse()) {
    try {
      mkdirSync(next);
    } catch (error) {
      // Somebody else made it in between.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
  if (!statSync(path).isDirectory()) {
    throw Object.assign(new Error(`ENOTDIR: not a folder: ${path}`), { code: 'ENOTDIR', path });
  }
}

function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}
