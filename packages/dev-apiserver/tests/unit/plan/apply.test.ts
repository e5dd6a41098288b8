import { describe, expect, it } from 'vitest';

import { kindOf } from '../../../src/model/kinds.js';
import type { ApiObject } from '../../../src/model/object.js';
import { applyConfiguration, trackUpdate } from '../../../src/plan/managed-fields.js';

const PODS = kindOf('', 'pods');

function configuration(image: string, labels: Record<string, string> = {}): ApiObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p', labels },
    spec: { containers: [{ name: 'app', image }] },
  };
}

function apply(
  live: ApiObject | undefined,
  config: ApiObject,
  manager: string,
  force = false,
): ApiObject {
  const next = applyConfiguration(PODS, live, config, { manager, force, subresource: '' });
  trackUpdate(PODS, next, live, { manager, time: 't', subresource: '' });
  return next;
}

describe(applyConfiguration, () => {
  it('removes fields that the manager no longer wants', () => {
    const first = apply(undefined, configuration('x', { a: '1', b: '2' }), 'me');
    const second = apply(first, configuration('x', { a: '1' }), 'me');
    expect(second.metadata.labels).toEqual({ a: '1' });
  });

  it("keeps fields that another manager also owns, and another manager's own fields", () => {
    const first = apply(undefined, configuration('x', { shared: '1' }), 'me');
    const second = apply(first, configuration('x', { shared: '1', yours: '2' }), 'you');
    const third = apply(second, configuration('x'), 'me');
    expect(third.metadata.labels).toEqual({ shared: '1', yours: '2' });
  });

  it('names the conflict, and takes the field when forced', () => {
    const first = apply(undefined, configuration('x'), 'me');
    expect(() => apply(first, configuration('y'), 'you')).toThrow(
      'Apply failed with 1 conflict: conflict with "me": .spec.containers[name="app"].image',
    );
    const forced = apply(first, configuration('y'), 'you', true);
    expect(forced.spec).toEqual({ containers: [{ name: 'app', image: 'y' }] });
    expect(() => apply(forced, configuration('x'), 'me')).toThrow(/conflict with "you"/);
  });

  it('writes ownership in the wire form', () => {
    const { metadata } = apply(undefined, configuration('x'), 'me');
    expect(metadata.managedFields).toEqual([
      {
        manager: 'me',
        operation: 'Apply',
        apiVersion: 'v1',
        time: 't',
        fieldsType: 'FieldsV1',
        fieldsV1: {
          'f:metadata': { 'f:labels': {} },
          'f:spec': {
            'f:containers': { 'k:{"name":"app"}': { '.': {}, 'f:image': {}, 'f:name': {} } },
          },
        },
      },
    ]);
  });
});
