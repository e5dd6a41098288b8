import { expect, test } from 'vitest';

import { resourceFields } from '../../../src/status/plan/resources.js';
import { aPod } from '../../../src/testing/index.js';

test('a quantity may be a number', () => {
  const limits = { cpu: 2 } as unknown as Record<string, string>;
  const { resources } = resourceFields(aPod({ containers: [{ resources: { limits } }] }), false);
  expect(resources?.limits).toEqual({ cpu: '2' });
});

test.each(['constructor', '__proto__', 'toString'])('a resource may be named %s', (name) => {
  const limits = JSON.parse(`{"${name}":"1"}`) as Record<string, string>;
  const pod = aPod({ containers: [{ resources: { limits } }, { name: 'b' }] });
  const { resources } = resourceFields(pod, false);
  expect(JSON.stringify(resources?.limits ?? {})).toBe(`{"${name}":"1"}`);
});
