/** Loaded before anything else: in this process it is ten minutes later. */
const AHEAD_MS = 600_000;
const { now } = Date;
Date.now = () => now() + AHEAD_MS;
