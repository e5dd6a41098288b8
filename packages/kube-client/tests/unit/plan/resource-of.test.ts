import { describe, expect, it } from 'vitest';

import * as root from '../../../src/index.js';
import { apiVersionOf } from '../../../src/model/resource.js';
import { BUILT_IN_RESOURCES, resourceOf } from '../../../src/plan/resource-of.js';

describe('BUILT_IN_RESOURCES', () => {
  const constants = Object.entries(root).filter(([name]) => /^[A-Z][A-Z0-9_]+$/.test(name));

  it('are the constants of the root entry', () => {
    const values = constants.map(([, value]) => value);
    expect(values.length).toBeGreaterThan(70);
    expect(new Set<unknown>(BUILT_IN_RESOURCES)).toStrictEqual(new Set<unknown>(values));
    expect(BUILT_IN_RESOURCES).toHaveLength(values.length);
  });

  it('are called like their plurals', () => {
    const names = new Map<unknown, string>(constants.map(([name, value]) => [value, name]));
    for (const one of BUILT_IN_RESOURCES) {
      const plural = one.group === 'events.k8s.io' ? 'eventsv1' : one.plural;
      expect(names.get(one)?.toLowerCase().replaceAll('_', '')).toBe(plural);
    }
  });
});

describe('resourceOf', () => {
  it('finds each kind by the text that its objects carry', () => {
    for (const one of BUILT_IN_RESOURCES) {
      expect(resourceOf({ apiVersion: apiVersionOf(one), kind: one.kind })).toBe(one);
    }
  });

  it('tells the two kinds of events apart', () => {
    expect(resourceOf({ apiVersion: 'v1', kind: 'Event' })).toBe(root.EVENTS);
    expect(resourceOf({ apiVersion: 'events.k8s.io/v1', kind: 'Event' })).toBe(root.EVENTS_V1);
  });

  it('knows an earlier stable version', () => {
    const found = resourceOf({ apiVersion: 'autoscaling/v1', kind: 'HorizontalPodAutoscaler' });
    expect(found).toStrictEqual({ ...root.HORIZONTAL_POD_AUTOSCALERS, version: 'v1' });
  });

  it.each([
    { apiVersion: 'example.com/v1', kind: 'Widget' },
    { apiVersion: 'v1', kind: 'List' },
    { apiVersion: 'v1', kind: 'Deployment' },
    { apiVersion: 'apps/v1', kind: 'deployment' },
    { apiVersion: 'apps/v1beta1', kind: 'Deployment' },
    { apiVersion: '/v1', kind: 'Pod' },
    { kind: 'Pod' },
    { apiVersion: 'v1' },
    {},
  ])('does not know $apiVersion $kind', (text) => {
    expect(resourceOf(text)).toBeUndefined();
  });
});
