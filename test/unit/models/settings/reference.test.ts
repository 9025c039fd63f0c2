import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { settingsReference } from '../../../../models/settings/reference.js';

describe('docs/configuration.md', () => {
  it('is what `redshank config reference` prints', async () => {
    const page = await readFile(new URL('../../../../docs/configuration.md', import.meta.url), 'utf8');
    assert.equal(page, settingsReference());
  });
});
