/** An authority of a test and certificates of it, as files that last a day. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

export class Authority {
  /** The authority's own certificate. */
  readonly ca: string;
  readonly #folder: string;
  readonly #key: string;

  constructor(folder: string, name = 'authority') {
    this.#folder = folder;
    this.ca = join(folder, `${name}.crt`);
    this.#key = join(folder, `${name}.key`);
    const subject = ['-subj', `/CN=${name}`, '-days', '1'];
    openssl('req', '-x509', ...NEW_KEY, '-keyout', this.#key, '-out', this.ca, ...subject);
  }

  /** @param dnsNames as in a certificate of Kubernetes, wildcards included. */
  sign(name: string, dnsNames: readonly string[]): Certificate {
    const [cert, key, request, extensions] = ['crt', 'key', 'csr', 'ext'].map((ending) =>
      join(this.#folder, `${name}.${ending}`),
    ) as [string, string, string, string];
    writeFileSync(extensions, `subjectAltName=${dnsNames.map((dns) => `DNS:${dns}`).join(',')}\n`);
    openssl('req', ...NEW_KEY, '-keyout', key, '-out', request, '-subj', `/CN=${name}`);
    const signed = ['-CA', this.ca, '-CAkey', this.#key, '-CAcreateserial', '-days', '1', '-extfile', extensions];
    openssl('x509', '-req', '-in', request, '-out', cert, ...signed);
    return { cert, key };
  }
}

const NEW_KEY = ['-newkey', 'rsa:2048', '-nodes'];

function openssl(...args: readonly string[]): void {
  execFileSync('openssl', args, { stdio: 'ignore' });
}
