import assert from 'node:assert/strict';
import { nearestName } from '../../../../models/settings/nearest-name.js';

describe('nearestName', () => {
  const known = ['port', 'partitions', 'history_days'];

  it('finds the name that was meant', () => {
    assert.equal(nearestName('partition', known), 'partitions');
    assert.equal(nearestName('HISTORY-DAYS', known), 'history_days');
    assert.equal(nearestName('prot', ['port']), undefined, 'two changes are too many for four letters');
  });

  it('finds nothing when nothing is near', () => assert.equal(nearestName('colour', known), undefined));
});
