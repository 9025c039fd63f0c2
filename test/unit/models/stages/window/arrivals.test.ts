import assert from 'node:assert/strict';
import { WindowLog, type Row } from './window-log.js';

const T = Date.UTC(2026, 0, 1);
const MINUTE = 60_000;

/** Feeds a partition as a host does: with a tick at each deadline on the way. */
class Host {
  readonly log: WindowLog;
  readonly silences: number[] = [];

  constructor(window?: ConstructorParameters<typeof WindowLog>[0]) {
    this.log = new WindowLog(window);
  }

  until(nowMs: number): void {
    for (let wakeMs = this.log.wakeMs(); wakeMs < nowMs; wakeMs = this.log.wakeMs()) this.#note(this.log.tick(wakeMs));
    this.#note(this.log.tick(nowMs));
  }

  read(timeMs: number, arrivesMs: number): void {
    this.until(arrivesMs);
    this.#note(this.log.read(timeMs, { x: 1 }, arrivesMs));
  }

  #note(rows: readonly Row[]): void {
    for (const { kind, receivedMs } of rows) if (kind === 'silence') this.silences.push(receivedMs - T);
  }
}

describe('window: silence and how readings arrive', () => {
  for (const [name, apartMs] of [
    ['in one piece', 0],
    ['in many', 10],
  ] as const) {
    it(`awaits a gateway that uploads each minute ${name}, and misses it after three`, () => {
      const host = new Host();
      for (let k = 0; k < 3600; k++) {
        host.read(T + k * 1000, T + (Math.floor(k / 60) + 1) * MINUTE + (k % 60) * apartMs);
      }
      assert.deepEqual(host.silences, []);
      host.until(T + 62.9 * MINUTE);
      assert.deepEqual(host.silences, []);
      host.until(T + 63.5 * MINUTE);
      assert.equal(host.silences.length, 1);
    });
  }

  it('awaits a gateway that uploads once in six hours', () => {
    const host = new Host();
    for (let k = 0; k < 2880; k++) host.read(T + k * MINUTE, T + (Math.floor(k / 360) + 1) * 360 * MINUTE);
    assert.deepEqual(host.silences, []);
    host.until(T + 10 * 2880 * MINUTE);
    assert.equal(host.silences.length, 1);
  });

  it('gets used to a hiccup of the network each ten minutes', () => {
    const host = new Host();
    for (let k = 0; k < 6000; k++) {
      const phase = k % 600;
      host.read(T + k * 1000, T + (phase >= 580 && phase < 595 ? k - phase + 595 : k) * 1000);
    }
    assert.equal(host.silences.length, 2);
  });

  it('misses a device soon that was off for a night, twice', () => {
    const host = new Host();
    for (const day of [0, 1, 2]) {
      for (let k = 0; k < 600; k++) host.read(T + (day * 1440 + k) * MINUTE, T + (day * 1440 + k) * MINUTE);
    }
    host.until(T + (2 * 1440 + 599 + 10) * MINUTE);
    assert.deepEqual(
      host.silences.map((ms) => ms / MINUTE),
      [609, 1440 + 609, 2880 + 609],
    );
  });

  it('misses a device soon that was cut off once with its backlog kept', () => {
    const host = new Host();
    for (let k = 0; k < 2000; k++) host.read(T + k * MINUTE, T + (k >= 500 && k < 1000 ? 1000 : k) * MINUTE);
    host.until(T + 3000 * MINUTE);
    assert.deepEqual(
      host.silences.map((ms) => ms / MINUTE),
      [509, 2009],
    );
  });

  for (const [name, offMs] of [
    ['ten minutes', 600_000],
    ['a time zone', 7_200_000],
    ['twenty years', 6.3e11],
  ] as const) {
    it(`misses a device whose clock is slow by ${name}`, () => {
      const host = new Host();
      for (let k = 0; k < 30; k++) host.read(T + k * 1000 - offMs, T + k * 1000);
      host.until(T + 60_000);
      assert.deepEqual(host.silences, [39_000]);
    });
  }

  it('never misses a file, in one piece or many', () => {
    for (const apartMs of [0, 5, 400]) {
      const host = new Host();
      for (let k = 0; k < 1000; k++) host.read(T - 1e10 + k * 1000, T + k * apartMs);
      host.until(T + 1e10);
      assert.deepEqual(host.silences, []);
    }
  });

  it('does not take our own absence for a pause of the device', () => {
    const host = new Host();
    for (const away of [0, 1, 2]) {
      for (let k = 0; k < 100; k++) host.read(T + away * 1e6 + k * 1000, T + away * 1e6 + k * 1000);
      // No tick on the way.
      host.log.tick(T + (away + 1) * 1e6 - 1000);
    }
    assert.equal(host.log.wakeMs(), T + 3e6 - 1000 + 10_000);
  });
});
