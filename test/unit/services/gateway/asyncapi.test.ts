import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { Value } from '@sinclair/typebox/value';
import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import { readFileSync } from 'node:fs';
import { asyncApiDocument, BusAlert, PUBLIC_ACTIONS, PUBLIC_EVENTS } from '../../../../services/gateway/asyncapi.js';
import { sampleAlert } from '../../../support/sample-records.js';

const SPECIFICATION = createRequire(import.meta.url)('@asyncapi/specs/schemas/3.0.0-without-$id.json') as object;
const BUS = readFileSync(new URL('../../../../docs/bus.md', import.meta.url), 'utf8');

describe('the AsyncAPI document', () => {
  const document = JSON.parse(JSON.stringify(asyncApiDocument())) as Record<string, object>;

  it('is one, as the specification says', () => {
    const ajv = new Ajv({ strict: false, allErrors: true, logger: false });
    (addFormats as unknown as (ajv: Ajv) => void)(ajv);
    const check = ajv.compile(SPECIFICATION);
    assert.ok(check(document), JSON.stringify(check.errors?.slice(0, 5)));
    assert.equal(check({ ...document, operations: { wrong: { action: 'shout' } } }), false);
  });

  it('refers to nothing that is not in it', () => {
    const text = JSON.stringify(document);
    for (const [, path] of text.matchAll(/"\$ref":"#\/([^"]+)"/g)) {
      let place: unknown = document;
      for (const word of path!.split('/')) place = (place as Record<string, unknown>)[word];
      assert.notEqual(place, undefined, path);
    }
  });

  it('has the actions and events of docs/bus.md, and no others', () => {
    const actions = [...BUS.matchAll(/^\| `([a-z-]+\.[a-z]+)` \| .*\| \d+ s \|/gm)].map(([, name]) => name!);
    assert.deepEqual(Object.keys(PUBLIC_ACTIONS).sort(), actions.sort());
    const [, events = ''] = /\n\| event \| payload \| when \|\n(.*?)\n\n/s.exec(BUS) ?? [];
    const named = events.split('\n').flatMap((line) => [...line.split('|')[1]!.matchAll(/`([a-z.]+)`/g)]);
    assert.deepEqual(Object.keys(PUBLIC_EVENTS).sort(), named.map(([, name]) => name!).sort());
  });

  it('asks nobody for what the key says', () => {
    for (const [action, schema] of Object.entries(PUBLIC_ACTIONS)) {
      for (const name of ['tenant', 'by']) assert.ok(!Object.hasOwn(schema['properties'] as object, name), action);
    }
  });

  it('shows an alert as it travels', () => {
    assert.ok(Value.Check(BusAlert, sampleAlert()), JSON.stringify([...Value.Errors(BusAlert, sampleAlert())][0]));
  });
});
