import assert from 'node:assert/strict';
import { eventRecall } from '../../../../models/evaluation/event-recall.js';

/** 10,000 normal rows and two single anomalies. */
const series = (events: Readonly<Record<number, number>>) => ({
  event: Float64Array.from({ length: 10_002 }, (_, row) => events[row] ?? 0),
  ranges: [
    [2_000, 2_000],
    [6_000, 6_000],
  ] as const,
});

describe('event recall', () => {
  it('is told at each budget', () => {
    const events = { 2_000: 0.9, 100: 0.8, 300: 0.7, 6_000: 0.6 };
    assert.deepEqual(eventRecall([series(events)], [0, 1, 2]), [0.5, 0.5, 1]);
  });

  it('is 0 where the strangest row is a false alarm that the budget does not have', () => {
    assert.deepEqual(eventRecall([series({ 100: 1, 2_000: 0.9 })], [0, 1]), [0, 0.5]);
  });

  it('does not come back once the budget is spent', () => {
    const bridge = Object.fromEntries(Array.from({ length: 9 }, (_, k) => [1_910 + 10 * k, 0.3]));
    // At 0.8 there are two false alarms; at 0.3 the run up to the range makes both part of a hit.
    assert.deepEqual(eventRecall([series({ ...bridge, 1_900: 0.9, 1_980: 0.8, 2_000: 0.3 })], [1]), [0]);
  });

  it('uses one threshold for all series', () => {
    const other = { event: Float64Array.of(0.5, 0, 0), ranges: [] };
    const recall = eventRecall([series({ 2_000: 0.9, 6_000: 0.4 }), other], [0, 1]);
    assert.deepEqual(recall, [0.5, 1]);
  });
});
