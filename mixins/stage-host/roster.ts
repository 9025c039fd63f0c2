/**
 * Which replica should run which partition, as far as this one knows: who is alive, who has said that it leaves or stands aside, and
 * whether this replica itself takes any.
 */
import { place } from '../../models/routing/placement.js';

/** Whoever stops is gone by then. */
const STOPPED_AFTER_MS = 60_000;
/** A partition that was given away is not taken back before the other one has had the time to take it. */
const GIVEN_AWAY_MS = 3_000;
/** Whoever stands aside says so again and again: a member that came later, or did not hear it, must know. */
const TELL_ASIDE_EVERY_MS = 1_500;
const ASIDE_IS_BELIEVED_MS = 5_000;

export interface RosterOptions {
  readonly partitions: number;
  /** Name of this replica. */
  readonly self: string;
  /** Replicas that are alive. This one counts, whether it is among them or not. */
  readonly alive: () => readonly string[];
  /** Who has the lease of which partition. */
  readonly holders: () => ReadonlyMap<number, string>;
  /** Monotonic. */
  readonly nowMs: () => number;
}

export class Roster {
  readonly #options: RosterOptions;
  /** Members that have said that they stop or stand aside, with the time until which they are believed. */
  readonly #leaving = new Map<string, number>();
  readonly #givenAway = new Map<number, { readonly to: string; readonly untilMs: number }>();
  /** Those that are alive and take partitions. */
  #members: ReadonlySet<string> = new Set();
  #aside: { readonly untilMs: number; readonly reason: string } | undefined;
  #toldAsideMs = -Infinity;
  /** Partition → who should run it; undefined before the first look. */
  #owners: readonly string[] | undefined;

  constructor(options: RosterOptions) {
    this.#options = options;
  }

  /** Of those that are alive and take partitions. */
  get size(): number {
    return this.#members.size;
  }

  /** Why this replica takes nothing; undefined: it does. */
  get whyAside(): string | undefined {
    return this.#aside?.reason;
  }

  /** Who should run a partition; undefined before the first look. */
  ownerOf(partition: number): string | undefined {
    return this.#owners?.[partition];
  }

  /** Partitions that this replica should run; undefined before the first look. */
  own(): readonly number[] | undefined {
    return this.#owners?.flatMap((owner, partition) => (owner === this.#options.self ? [partition] : []));
  }

  /** Looks anew who is there. */
  look(): void {
    const { partitions, self, alive, holders, nowMs } = this.#options;
    const there = alive();
    const now = nowMs();
    for (const [member, untilMs] of this.#leaving) {
      if (now >= untilMs || !there.includes(member)) this.#leaving.delete(member);
    }
    if (this.#aside !== undefined && now >= this.#aside.untilMs) this.#aside = undefined;
    const others = there.filter((member) => member !== self && !this.#leaving.has(member));
    // Whoever is the last one goes on trying.
    if (others.length === 0) this.#aside = undefined;
    this.#members = new Set(this.#aside === undefined ? [self, ...others] : others);
    this.#owners = place(partitions, [...this.#members], holders());
  }

  /** A member has said that it stops, or takes nothing for a while. @param forMs default 60 s */
  leaves(member: string, forMs = STOPPED_AFTER_MS): void {
    this.#leaving.set(member, this.#options.nowMs() + forMs);
  }

  /** Whether this replica should run a partition now: it does not take back at once what it has given away. */
  isWanted(partition: number): boolean {
    if (this.ownerOf(partition) !== this.#options.self) return false;
    const given = this.#givenAway.get(partition);
    if (given === undefined) return true;
    const isOver = this.#options.nowMs() >= given.untilMs || !this.#members.has(given.to);
    if (isOver) this.#givenAway.delete(partition);
    return isOver;
  }

  givesAway(partition: number, to: string): void {
    this.#givenAway.set(partition, { to, untilMs: this.#options.nowMs() + GIVEN_AWAY_MS });
  }

  /** Takes nothing for so long, and others take it over. */
  standAside(forMs: number, reason: string): void {
    this.#aside = { untilMs: this.#options.nowMs() + forMs, reason };
    this.#toldAsideMs = -Infinity;
    this.look();
  }

  /** For how many ms more others are to be told that this replica stands aside; undefined: nothing is to be told now. */
  takeAsideToTell(): number | undefined {
    const now = this.#options.nowMs();
    if (this.#aside === undefined || now - this.#toldAsideMs < TELL_ASIDE_EVERY_MS) return undefined;
    this.#toldAsideMs = now;
    return Math.round(Math.min(this.#aside.untilMs - now, ASIDE_IS_BELIEVED_MS));
  }
}
