import assert from 'node:assert/strict';
import { LabelMapper, Labels, type LabelMapping } from '../../../../models/formats/label-mapping.js';

function seriesOf(mapping: Partial<LabelMapping>, labels: Record<string, string>, around: Record<string, string> = {}) {
  const given = new Labels();
  for (const [name, value] of Object.entries(labels)) given.set(name, value);
  return new LabelMapper({ device: ['device', 'host'], leftOut: [], ...mapping }).seriesOf(
    given,
    new Map(Object.entries(around)),
  );
}

describe('LabelMapper', () => {
  it('takes the first label that is there, and writes the others behind the channel', () =>
    assert.deepEqual(seriesOf({}, { site: 'n', host: 'b', device: 'a' }), { device: 'a', suffix: '[host:b][site:n]' }));

  it('leaves out what it is told to', () =>
    assert.deepEqual(seriesOf({ leftOut: ['site'] }, { site: 'n', host: 'b' }), { device: 'b', suffix: '' }));

  it('joins labels in a text, where all of them are there', () => {
    const device = ['{site}/line-{line}', '{site}'];
    assert.deepEqual(seriesOf({ device }, { line: '3', site: 'n' }), { device: 'n/line-3', suffix: '' });
    assert.deepEqual(seriesOf({ device }, { site: 'n' }), { device: 'n', suffix: '' });
  });

  it('finds the device in labels around the series, which are no part of the channel', () =>
    assert.deepEqual(seriesOf({}, { cpu: '0' }, { host: 'b', os: 'linux' }), { device: 'b', suffix: '[cpu:0]' }));

  it('refuses a device that is not allowed, and never changes it', () =>
    assert.equal(seriesOf({}, { host: 'a b' }), 'device must be 1 to 128 letters, digits or _ - . : @ /, got "a b"'));

  for (const text of ['', '{}', '{a', 'a}', '{a}}', 'x{', '{a}{']) {
    it(`refuses the template ${JSON.stringify(text)}`, () =>
      assert.throws(() => seriesOf({ device: [text] }, {}), /^RequestInvalidError: device must be a label, or a text/));
  }

  it('refuses a mapping without a device', () =>
    assert.throws(
      () => seriesOf({ device: [] }, {}),
      /^RequestInvalidError: device must be named by at least one label/,
    ));
});
