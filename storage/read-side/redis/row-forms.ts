/** What rows have in common, so that it is kept once: profile, model and channels. */
import type { ScoreBatch } from '../../../models/domain/score-batch.js';

export type RowForm = readonly [profile: string, model: string, ...channels: string[]];

/** A form is one byte in a row. A device that needs more begins its rows anew. */
export const MOST_FORMS = 64;

/** Forms of the rows of one chunk, told apart by number: comparing names would cost more than the rest of a row. */
export class ChunkForms {
  /** Of each row, an index into `forms`. */
  readonly ofRow: Uint32Array;
  readonly forms: { readonly form: RowForm; readonly text: string }[] = [];

  constructor(batch: ScoreBatch) {
    this.ofRow = new Uint32Array(batch.length);
    const known = new Map<number, number>();
    const models = batch.models.list.length;
    const sets = batch.channelSets.sets.length;
    for (let i = 0; i < batch.length; i++) {
      const number = (batch.profile.data[i]! * models + batch.model.data[i]!) * sets + batch.ref.data[i]!;
      let index = known.get(number);
      if (index === undefined) {
        const form: RowForm = [batch.profileName(i), batch.modelVersion(i), ...batch.channels(i)];
        known.set(number, (index = this.forms.push({ form, text: formText(form) }) - 1));
      }
      this.ofRow[i] = index;
    }
  }

  /** The longest end of `rows` that does with `MOST_FORMS`. */
  lastOf(rows: readonly number[]): readonly number[] {
    const seen = new Set<number>();
    for (let i = rows.length - 1; i >= 0; i--) {
      seen.add(this.ofRow[rows[i]!]!);
      if (seen.size > MOST_FORMS) return rows.slice(i + 1);
    }
    return rows;
  }
}

/** The forms of a device's rows, as they are stored, growing. */
export class DeviceForms {
  readonly list: RowForm[];
  readonly #indexes = new Map<string, number>();

  constructor(list: RowForm[]) {
    this.list = list;
    list.forEach((form, index) => this.#indexes.set(formText(form), index));
  }

  /** @returns for each form of the chunk that one of `rows` has, its index here; undefined, and nothing changed, when they do not fit. */
  take(chunk: ChunkForms, rows: readonly number[]): ReadonlyMap<number, number> | undefined {
    const used = new Set<number>();
    for (const i of rows) used.add(chunk.ofRow[i]!);
    const news = [...used].filter((form) => !this.#indexes.has(chunk.forms[form]!.text));
    if (this.list.length + news.length > MOST_FORMS) return undefined;
    for (const form of news) this.#indexes.set(chunk.forms[form]!.text, this.list.push(chunk.forms[form]!.form) - 1);
    return new Map([...used].map((form) => [form, this.#indexes.get(chunk.forms[form]!.text)!]));
  }
}

const formText = (form: RowForm): string => form.join('\n');
