/** The only two clocks of a process. An argument wherever time matters, so that tests can be told the time. */
export interface Clock {
  /** Unix ms, may jump: stamps arrivals. */
  readonly wallMs: () => number;
  /** ms since some start, never goes back: measures leases and waits. */
  readonly monotonicMs: () => number;
}

export const systemClock: Clock = { wallMs: () => Date.now(), monotonicMs: () => performance.now() };
