import assert from 'node:assert/strict';
import { gateObjections } from '../../../../models/backtest/promotion-gate.js';
import type { ShadowComparison } from '../../../../models/backtest/shadow-run.js';

const SAME: ShadowComparison = {
  rows: 5_000,
  rankAgreement: 1,
  alerts: { champion: 20, challenger: 20, both: 20 },
  anomalies: { champion: 40, challenger: 40 },
  confirmed: { spans: 4, champion: 3, challenger: 3 },
  rejected: { spans: 4, champion: 2, challenger: 2 },
};

describe('the gate of a promotion', () => {
  const objections = (change: Partial<ShadowComparison>) =>
    gateObjections([{ ...SAME, ...change }], { moreAlerts: 0.2 });

  it('lets a challenger through that does no worse', () => {
    assert.deepEqual(objections({}), []);
    assert.deepEqual(objections({ alerts: { champion: 20, challenger: 24, both: 18 } }), []);
    assert.deepEqual(objections({ alerts: { champion: 0, challenger: 2, both: 0 } }), []);
  });

  it('says every reason against one that does', () => {
    const worse = objections({
      rows: 10,
      alerts: { champion: 20, challenger: 25, both: 18 },
      confirmed: { spans: 4, champion: 3, challenger: 2 },
      rejected: { spans: 4, champion: 2, challenger: 3 },
    });
    assert.deepEqual(worse, [
      'only 10 rows could be compared, at least 1000 are needed',
      'it finds 2 of the confirmed anomalies, the champion 3',
      'it raises 3 rejected alerts again, the champion 2',
      'it has 25 alerts, the champion 20; allowed are 24',
    ]);
  });

  it('looks at all devices together', () => {
    const half = { ...SAME, rows: 600 };
    assert.deepEqual(gateObjections([half, half], { moreAlerts: 0 }), []);
  });
});
