/** What was told of late, so that a reader who lost the connection goes on where it was. Bounded; nothing outlives the process. */
import { randomBytes } from 'node:crypto';

export type EventName = 'score' | 'alert' | 'forgotten';

export interface ToldEvent {
  /** Counts from 1. */
  readonly number: number;
  readonly tenant: string;
  readonly device: string;
  readonly event: EventName;
  /** As it was sent. */
  readonly text: string;
}

/** Characters kept; the oldest go first. */
const MOST_CHARACTERS = 8_388_608;
const ID = /^([0-9a-f]{12})-(\d{1,15})$/;

export class EventMemory {
  /** Of this process: numbers of another one mean nothing here. */
  readonly #own = randomBytes(6).toString('hex');
  #told: ToldEvent[] = [];
  /** Entries at the beginning of `#told` that are forgotten. */
  #gone = 0;
  #characters = 0;
  #last = 0;

  /** Of the latest event; readers that come now begin after it. */
  get lastId(): string {
    return this.idOf(this.#last);
  }

  idOf(number: number): string {
    return `${this.#own}-${number}`;
  }

  /** The number that the next event has. */
  get next(): number {
    return this.#last + 1;
  }

  /** @param event with the number `next` */
  keep(event: ToldEvent): void {
    this.#last = event.number;
    this.#told.push(event);
    this.#characters += event.text.length;
    while (this.#characters > MOST_CHARACTERS) this.#characters -= this.#told[this.#gone++]!.text.length;
    // Not one by one, which would move all the others each time.
    if (this.#gone * 2 > this.#told.length) {
      this.#told = this.#told.slice(this.#gone);
      this.#gone = 0;
    }
  }

  /** Leaves out what was told of a device; the others keep their numbers. */
  forget(tenant: string, device: string): void {
    const isOther = (told: ToldEvent): boolean => told.tenant !== tenant || told.device !== device;
    this.#told = this.#told.slice(this.#gone).map((told) => (isOther(told) ? told : { ...told, text: '' }));
    this.#gone = 0;
    this.#characters = this.#told.reduce((sum, { text }) => sum + text.length, 0);
  }

  /** All that was told after an event; undefined where some of it is not kept, or the id is not one of ours. */
  after(id: string): readonly ToldEvent[] | undefined {
    const [, own, digits] = ID.exec(id) ?? [];
    const number = Number(digits);
    if (own !== this.#own || number > this.#last) return undefined;
    const first = this.#told[this.#gone]?.number ?? this.#last + 1;
    if (number < first - 1) return undefined;
    return this.#told.slice(this.#gone + number - first + 1);
  }
}
