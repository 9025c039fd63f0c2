import assert from 'node:assert/strict';
import { ConflictError, ModelNotFoundError, SettingInvalidError } from '../../../../models/errors.js';
import {
  decodeRegistryRecords,
  encodeRegistryRecords,
  Registry,
  type RegistryRecord,
} from '../../../../models/registry/registry.js';

const BY = { by: 'ada', atMs: 1, note: 'why' };
const SLOW = { window: { latenessMs: 5_000 } };

describe('registry', () => {
  let registry: Registry;
  beforeEach(() => {
    registry = new Registry();
  });

  function apply<Written extends RegistryRecord>(records: readonly Written[]): Written | undefined {
    for (const record of records) registry.apply(record);
    return records[0];
  }
  const registered = (definition: unknown) => apply(registry.registering('pump', definition, BY))!.version;

  it('names a version by its content', () => {
    const version = registered({});
    assert.equal(registry.version('pump', version).definition.window.latenessMs, 0);
    assert.deepEqual(registry.registering('pump', {}, BY), []);
    assert.notEqual(registered(SLOW), version);
  });

  it('promotes, tells who and why, and rolls back', () => {
    const [first, second] = [registered({}), registered(SLOW)];
    apply(registry.promoting('pump', first, BY));
    apply(registry.promoting('pump', second, BY));
    assert.equal(registry.get('pump').aliases.champion, second);
    apply(registry.rollingBack('pump', BY));
    assert.equal(registry.version('pump', 'champion').version, first);
    assert.deepEqual(
      registry.get('pump').history.map(({ type, by, note }) => `${type} by ${by}: ${note ?? ''}`),
      ['promoted by ada: why', 'promoted by ada: why', 'rolled-back by ada: why'],
    );
  });

  it('promotes only while the champion is the one that was expected', () => {
    const [first, second] = [registered({}), registered(SLOW)];
    apply(registry.promoting('pump', first, BY));
    assert.throws(() => registry.promoting('pump', second, BY, second), ConflictError);
    apply(registry.promoting('pump', second, BY, first));
    assert.equal(registry.get('pump').aliases.champion, second);
  });

  it('knows the challenger until it is champion', () => {
    const [first, second] = [registered({}), registered(SLOW)];
    apply(registry.promoting('pump', first, BY));
    assert.throws(() => registry.challenging('pump', first, BY), ConflictError);
    assert.throws(() => registry.version('pump', 'challenger'), ModelNotFoundError);
    apply(registry.challenging('pump', second, BY));
    assert.deepEqual(registry.challenging('pump', second, BY), []);
    assert.equal(registry.version('pump', 'challenger').version, second);
    apply(registry.promoting('pump', 'challenger', BY));
    assert.deepEqual(registry.get('pump').aliases, { champion: second, challenger: undefined });
  });

  it('knows which champions have not reached the log', () => {
    const version = registered({});
    assert.deepEqual(registry.unfinished(), []);
    apply(registry.promoting('pump', version, BY));
    assert.deepEqual(
      registry.unfinished().map(({ champion }) => champion.version),
      [version],
    );
    registry.apply({ ...BY, type: 'activated', name: 'pump', version });
    assert.deepEqual(registry.unfinished(), []);
  });

  it('sends the old champion again when a promotion that was half done is rolled back', () => {
    const [first, second] = [registered({}), registered(SLOW)];
    apply(registry.promoting('pump', first, BY));
    registry.apply({ ...BY, type: 'activated', name: 'pump', version: first });
    apply(registry.promoting('pump', second, BY));
    apply(registry.rollingBack('pump', BY));
    assert.deepEqual(
      registry.unfinished().map(({ champion }) => champion.version),
      [first],
    );
  });

  it('refuses what does not exist or cannot be', () => {
    assert.throws(() => registry.get('fan'), ModelNotFoundError);
    assert.throws(() => registry.registering('pump', { window: { latenessMs: -1 } }, BY), SettingInvalidError);
    registered({});
    assert.throws(() => registry.promoting('pump', 'feedbeef', BY), ModelNotFoundError);
    assert.throws(() => registry.rollingBack('pump', BY), ConflictError);
  });

  it('writes and reads its log', () => {
    const records = registry.registering('pump', SLOW, BY);
    assert.deepEqual(decodeRegistryRecords(encodeRegistryRecords(records, 5)), records);
  });
});

describe('a trained model in the registry', () => {
  const ARTIFACT = 'a'.repeat(64);

  it('makes a version like the champion, but looked at by the model', () => {
    const registry = new Registry();
    for (const record of registry.registering('pump', SLOW, BY)) registry.apply(record);
    const first = registry.versionOf('pump', SLOW);
    for (const record of registry.promoting('pump', first, BY)) registry.apply(record);
    const [attached] = registry.attaching('pump', ARTIFACT, BY);
    assert.ok(attached?.type === 'registered' && attached.version !== first);
    assert.equal(attached.definition.detection.model, ARTIFACT);
    assert.equal(attached.definition.window.latenessMs, SLOW.window.latenessMs);
    registry.apply(attached);
    assert.deepEqual(registry.attaching('pump', ARTIFACT, BY), []);
  });

  it('is for a profile that is there', () => {
    assert.throws(() => new Registry().attaching('pump', ARTIFACT, BY), ModelNotFoundError);
  });
});
