/** The certificate of the gateway, read again when its files change: certificates are renewed while it runs. */
import { readFileSync, statSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { SettingInvalidError } from '../../models/errors.js';

const LOOK_EVERY_MS = 60_000;

export interface TlsFiles {
  /** PEM. */
  readonly cert: string;
  readonly key: string;
}

export interface Certificate {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** @throws SettingInvalidError when the files cannot be read, or are no certificate and its key */
export function readCertificate({ cert, key }: TlsFiles): Certificate {
  try {
    const read = { cert: readFileSync(cert), key: readFileSync(key) };
    createSecureContext(read);
    return read;
  } catch (error) {
    throw new SettingInvalidError([
      `TLS_CERT and TLS_KEY: ${cert} and ${key} must be a PEM certificate and its key: ${(error as Error).message}`,
    ]);
  }
}

/**
 * @param changed given the new certificate
 * @param failed told when the new files are no good; the old ones are then used on
 * @returns stops looking
 */
export function watchCertificate(
  files: TlsFiles,
  changed: (certificate: Certificate) => void,
  failed: (error: unknown) => void,
): () => void {
  const stamp = (): string => [files.cert, files.key].map((file) => statSync(file).mtimeMs).join(' ');
  let seen = stamp();
  const timer = setInterval(() => {
    try {
      const now = stamp();
      if (now === seen) return;
      seen = now;
      changed(readCertificate(files));
    } catch (error) {
      failed(error);
    }
  }, LOOK_EVERY_MS);
  timer.unref();
  return () => clearInterval(timer);
}
