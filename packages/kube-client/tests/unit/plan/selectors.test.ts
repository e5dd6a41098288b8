import { describe, expect, it } from 'vitest';

import { isKubeError } from '../../../src/model/errors.js';
import {
  matchesFields,
  matchesLabels,
  parseFieldSelector,
  parseLabelSelector,
  selects,
} from '../../../src/plan/selectors.js';

const labels = { app: 'web', tier: 'front', n: '5', 'example.com/x': '' };

describe('labels', () => {
  it.each([
    ['', true],
    ['app=web', true],
    ['app==web,tier!=back', true],
    ['app!=web', false],
    ['other!=x', true],
    ['app in (db, web),tier notin (back)', true],
    ['app notin (db,web)', false],
    ['other notin (x)', true],
    ['example.com/x', true],
    ['example.com/x=', true],
    ['!app', false],
    ['!other , app', true],
    ['n>4,n<6', true],
    ['n>5', false],
    ['constructor', false],
  ])('%j selects: %s', (selector, expected) => {
    expect(matchesLabels(parseLabelSelector(selector), labels)).toBe(expected);
  });

  it.each(['a b', '=x', 'a in x', 'a in (', '-a'])('%j cannot be read', (selector) => {
    let caught: unknown;
    try {
      parseLabelSelector(selector);
    } catch (error) {
      caught = error;
    }
    expect(isKubeError(caught, 'KUBE_INVALID')).toBe(true);
  });

  it.each([
    [undefined, false],
    [{}, true],
    [{ matchLabels: { app: 'web' } }, true],
    [{ matchExpressions: [{ key: 'app', operator: 'In', values: ['db'] }] }, false],
    [
      { matchLabels: { app: 'web' }, matchExpressions: [{ key: 'no', operator: 'DoesNotExist' }] },
      true,
    ],
  ])('the spec %j selects: %s', (selector, expected) => {
    expect(selects(selector, labels)).toBe(expected);
  });
});

describe('fields', () => {
  const object = { metadata: { name: 'x' }, spec: { unschedulable: false } };

  it.each([
    ['metadata.name=x', true],
    ['metadata.name==x,spec.nodeName=', true],
    ['metadata.name!=x', false],
    ['spec.clusterIP!=None', true],
    ['spec.unschedulable=false', true],
  ])('%j selects: %s', (selector, expected) => {
    expect(matchesFields(parseFieldSelector(selector), object)).toBe(expected);
  });
});
