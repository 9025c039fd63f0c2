/**
 * What encrypts a backup: a passphrase, or keys of age (https://age-encryption.org). With a public key (`age1…`) whoever takes backups
 * cannot open them.
 */
import { identityToRecipient, type Decrypter, type Encrypter } from 'age-encryption';
import { RequestInvalidError } from '../../models/errors.js';

/** Shorter ones are guessed. */
const SHORTEST_PASSPHRASE = 16;
const RECIPIENT = 'age1';
const IDENTITY = 'AGE-SECRET-KEY-';

export class BackupKey {
  readonly #passphrase: string | undefined;
  readonly #recipients: readonly string[];
  readonly #identities: readonly string[];

  /**
   * @param text of a key file: a passphrase on one line; or lines of public or secret keys, among comments, as `age-keygen` writes them
   * @throws RequestInvalidError for a passphrase that is too short
   */
  constructor(text: string) {
    const lines = text
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '' && !line.startsWith('#'));
    this.#recipients = lines.filter((line) => line.startsWith(RECIPIENT));
    this.#identities = lines.filter((line) => line.startsWith(IDENTITY));
    const isOfAge = this.#recipients.length + this.#identities.length > 0;
    this.#passphrase = isOfAge ? undefined : text.trim();
    if (this.#passphrase !== undefined && this.#passphrase.length < SHORTEST_PASSPHRASE) {
      throw new RequestInvalidError(
        `the key file must hold a passphrase of at least ${SHORTEST_PASSPHRASE} characters, or keys as age-keygen makes them`,
      );
    }
  }

  async lock(encrypter: Encrypter): Promise<void> {
    if (this.#passphrase !== undefined) encrypter.setPassphrase(this.#passphrase);
    for (const recipient of this.#recipients) encrypter.addRecipient(recipient);
    if (this.#recipients.length > 0) return;
    for (const identity of this.#identities) encrypter.addRecipient(await identityToRecipient(identity));
  }

  /** @throws RequestInvalidError it holds public keys alone */
  open(decrypter: Decrypter): void {
    if (this.#passphrase !== undefined) decrypter.addPassphrase(this.#passphrase);
    else if (this.#identities.length === 0) {
      throw new RequestInvalidError(
        'with a public key (age1…) nothing can be opened: give the secret one (AGE-SECRET-KEY-…)',
      );
    }
    for (const identity of this.#identities) decrypter.addIdentity(identity);
  }
}
