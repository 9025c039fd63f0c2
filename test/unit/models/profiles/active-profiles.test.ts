import assert from 'node:assert/strict';
import { SettingInvalidError } from '../../../../models/errors.js';
import { ActiveProfiles } from '../../../../models/profiles/active-profiles.js';
import { completeProfile, profileVersion } from '../../../../models/profiles/profile.js';

const activate = (profile: string, definition: unknown) =>
  ({ type: 'profile.activate', profile, version: 'any', definition, by: 'ada' }) as const;

describe('active profiles', () => {
  it('start with the standard profile for everybody', () => {
    assert.equal(new ActiveProfiles().forDevice('pump-7').name, 'standard');
  });

  it('give a device the first profile, by name, whose pattern fits', () => {
    const profiles = new ActiveProfiles();
    profiles.apply(activate('pump', { devices: ['pump-*'] }));
    profiles.apply(activate('hall', { devices: ['*/hall-1/*'] }));
    assert.equal(profiles.forDevice('pump-7').name, 'pump');
    assert.equal(profiles.forDevice('site/hall-1/pump-7').name, 'hall');
    assert.equal(profiles.forDevice('fan-1').name, 'standard');
  });

  it('are the same after a snapshot', () => {
    const profiles = new ActiveProfiles();
    profiles.apply(activate('pump', { devices: ['pump-*'], window: { latenessMs: 5 } }));
    const again = new ActiveProfiles(profiles.entries());
    assert.deepEqual(again.forDevice('pump-1'), profiles.forDevice('pump-1'));
  });
});

describe('a profile definition', () => {
  it('has the same version however its fields are ordered', () => {
    const a = completeProfile('x', { window: { stepMs: 5, joinMs: 1 } });
    const b = completeProfile('x', { window: { joinMs: 1, stepMs: 5 } });
    assert.equal(profileVersion(a), profileVersion(b));
  });

  it('is refused with all its faults at once', () => {
    assert.throws(
      () => completeProfile('Pump', { window: { stepMs: -5, step: 1 }, alerting: { closeRatio: 2 } }),
      (error: unknown) =>
        error instanceof SettingInvalidError &&
        ['Pump', 'window.step:', 'window.stepMs', 'alerting.closeRatio'].every((part) => error.message.includes(part)),
    );
  });
});
