import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { type DevApiServer, startDevApiServer } from '../../../src/index.js';
import type { ValidationRule } from '../../../src/model/json-schema.js';
import { adminOf, type Caller } from '../caller.js';
import { aWidget, DEFINITIONS, SPEC, WIDGET_DEFINITION, WIDGETS } from './widgets.js';

const MERGE = { 'content-type': 'application/merge-patch+json' };
const NAMED = `${DEFINITIONS}/widgets.example.com`;

let server: DevApiServer;
let admin: Caller;

beforeEach(async () => {
  server = await startDevApiServer();
  admin = await adminOf(server);
});
afterEach(() => server.stop());

function definitionWith(rules: readonly ValidationRule[]): object {
  const { spec } = WIDGET_DEFINITION;
  const [beta, stable] = spec.versions;
  const ruled = { ...SPEC, 'x-kubernetes-validations': rules };
  const openAPIV3Schema = {
    type: 'object',
    properties: { spec: ruled, status: { type: 'object' } },
  };
  const versions = [beta, { ...stable, schema: { openAPIV3Schema } }];
  return { ...WIDGET_DEFINITION, spec: { ...spec, versions } };
}

const LIMIT: ValidationRule = {
  rule: 'self.size <= self.replicas * 10',
  message: 'size may be ten times the replicas at most',
  reason: 'FieldValueForbidden',
  fieldPath: '.size',
};
const FIXED: ValidationRule = { rule: 'self.color == oldSelf.color', message: 'color is fixed' };

describe('rules of a definition', () => {
  it('refuse objects, with reason and path of each', async () => {
    const { status, warnings } = await admin.call('POST', DEFINITIONS, definitionWith([LIMIT]));
    expect({ status, warnings }).toEqual({ status: 201, warnings: [] });
    const { body } = await admin.call('POST', WIDGETS, aWidget('w', { size: 11 }));
    expect(body).toMatchObject({
      code: 422,
      reason: 'Invalid',
      message:
        'Widget.example.com "w" is invalid: spec.size: Forbidden: size may be ten times the replicas at most',
      details: { causes: [{ reason: 'FieldValueForbidden', field: 'spec.size' }] },
    });
    const good = await admin.call('POST', WIDGETS, aWidget('w', { size: 11, replicas: 2 }));
    expect(good.status).toBe(201);
    const change = { spec: { replicas: 1 } };
    expect((await admin.call('PATCH', `${WIDGETS}/w`, change, MERGE)).status).toBe(422);
    const scaled = await admin.call('PATCH', `${WIDGETS}/w/scale`, change, MERGE);
    expect(scaled.status).toBe(422);
  });

  it('compare with the state before an update', async () => {
    await admin.call('POST', DEFINITIONS, definitionWith([FIXED]));
    expect((await admin.call('POST', WIDGETS, aWidget('w', { size: 1 }))).status).toBe(201);
    const { body } = await admin.call('PATCH', `${WIDGETS}/w`, { spec: { color: 'blue' } }, MERGE);
    expect(body['message']).toBe(
      'Widget.example.com "w" is invalid: spec: Invalid value: color is fixed',
    );
    const same = await admin.call('PATCH', `${WIDGETS}/w`, { spec: { size: 2 } }, MERGE);
    expect(same.status).toBe(200);
  });

  it('are not evaluated for an object that its schema refuses', async () => {
    await admin.call('POST', DEFINITIONS, definitionWith([LIMIT]));
    const { body } = await admin.call('POST', WIDGETS, aWidget('w', { size: 'x' }));
    expect(body['message']).toMatch(
      /^Widget\.example\.com "w" is invalid: \[spec\.size: .*, <nil>: Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation\]$/,
    );
  });

  it('that came later only warn about what an update leaves as it is', async () => {
    await admin.call('POST', DEFINITIONS, WIDGET_DEFINITION);
    await admin.call('POST', WIDGETS, aWidget('w', { size: 11 }));
    const { body: now } = await admin.call('GET', NAMED);
    const ruled = { ...definitionWith([LIMIT]), metadata: now['metadata'] };
    expect((await admin.call('PUT', NAMED, ruled)).status).toBe(200);
    const labels = { metadata: { labels: { a: 'b' } } };
    const { status, warnings } = await admin.call('PATCH', `${WIDGETS}/w`, labels, MERGE);
    expect({ status, warnings }).toEqual({
      status: 200,
      warnings: ['spec.size: Forbidden: size may be ten times the replicas at most'],
    });
    const change = { spec: { size: 12 } };
    expect((await admin.call('PATCH', `${WIDGETS}/w`, change, MERGE)).status).toBe(422);
  });

  it('that do not compile refuse the definition', async () => {
    const { body } = await admin.call(
      'POST',
      DEFINITIONS,
      definitionWith([{ rule: 'self.x > 1' }]),
    );
    expect(body).toMatchObject({
      code: 422,
      details: {
        causes: [
          {
            field:
              'spec.versions[1].schema.openAPIV3Schema.properties[spec].x-kubernetes-validations[0].rule',
          },
        ],
      },
    });
    expect(body['message']).toContain("<input>:1:5: undefined field 'x'\n | self.x > 1\n | ....^");
  });
});
