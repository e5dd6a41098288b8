import { describe, expect, it } from 'vitest';

import {
  matchesLabels,
  parseFieldSelector,
  parseLabelSelector,
} from '../../../src/model/selectors.js';

const labels = { app: 'web', tier: 'front', weight: '7' };

describe(matchesLabels, () => {
  it.each([
    ['', true],
    ['app=web', true],
    ['app==web,tier!=back', true],
    ['app!=web', false],
    ['missing!=web', true],
    ['app in (web, db)', true],
    ['app notin (web)', false],
    ['missing notin (web)', true],
    ['app', true],
    ['!app', false],
    ['!missing,app', true],
    ['weight>6', true],
    ['weight<6', false],
    ['toString', false],
  ])('%s → %s', (selector, want) => {
    expect(matchesLabels(parseLabelSelector(selector), labels)).toBe(want);
  });

  it.each(['a b', '=x', 'app in web', ',,=', 'a=b=c'])('refuses %s', (selector) => {
    expect(() => parseLabelSelector(selector)).toThrow(/unable to parse requirement/);
  });
});

describe(parseFieldSelector, () => {
  it('reads equality, inequality and escapes', () => {
    expect(parseFieldSelector('a.b=c,d!=e\\,f,g==')).toEqual([
      { path: 'a.b', equal: true, value: 'c' },
      { path: 'd', equal: false, value: 'e,f' },
      { path: 'g', equal: true, value: '' },
    ]);
  });

  it('refuses a selector without an operator', () => {
    expect(() => parseFieldSelector('abc')).toThrow(/invalid selector/);
  });
});
