import { SingleBar } from 'cli-progress';
import type { Terminal } from './terminal.js';

/** How far a long command is. */
export interface Progress {
  /** @param done of `total`; @param note what else is known, in a few words. */
  update(done: number, note?: string): void;
  /** Takes the bar away or prints the last line. Idempotent. */
  stop(): void;
}

/** Between two plain lines, in ms. */
const LINE_EVERY_MS = 3_000;

/**
 * A bar on stderr when that is a terminal, else a plain line every few seconds.
 *
 * @param total what 100 % is; 0 when it is not known: then only the note is shown.
 */
export function startProgress(terminal: Terminal, label: string, total: number): Progress {
  return terminal.stderr.isTTY === true && total > 0
    ? new BarProgress(terminal, label, total)
    : new LineProgress(terminal, label, total);
}

class BarProgress implements Progress {
  readonly #bar: SingleBar;
  readonly #total: number;

  constructor(terminal: Terminal, label: string, total: number) {
    this.#total = total;
    this.#bar = new SingleBar({
      stream: terminal.stderr,
      format: `${label} {bar} {percentage}% {note}`,
      barCompleteChar: '█',
      barIncompleteChar: '░',
      barsize: 30,
      hideCursor: true,
      clearOnComplete: true,
      linewrap: false,
    });
    this.#bar.start(total, 0, { note: '' });
  }

  update(done: number, note = ''): void {
    this.#bar.update(Math.min(done, this.#total), { note });
  }

  stop(): void {
    this.#bar.stop();
  }
}

class LineProgress implements Progress {
  readonly #terminal: Terminal;
  readonly #label: string;
  readonly #total: number;
  #lastMs = performance.now();

  constructor(terminal: Terminal, label: string, total: number) {
    this.#terminal = terminal;
    this.#label = label;
    this.#total = total;
  }

  update(done: number, note = ''): void {
    const nowMs = performance.now();
    if (nowMs - this.#lastMs < LINE_EVERY_MS) return;
    this.#lastMs = nowMs;
    const share = this.#total > 0 ? ` ${Math.floor((100 * Math.min(done, this.#total)) / this.#total)}%` : '';
    this.#terminal.stderr.write(`${this.#label}${share} ${note}\n`);
  }

  stop(): void {
    this.#lastMs = Infinity;
  }
}
