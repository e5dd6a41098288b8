import assert from 'node:assert/strict';

import { checkReader, mutatedTexts } from '@nodeagent/testbed/mutations';
import { describe, test } from 'vitest';

import {
  isKubeError,
  matchesFields,
  matchesLabels,
  parseFieldSelector,
  parseLabelSelector,
} from '../../src/index.js';

describe('Rules for what users write', () => {
  test('every label selector is conditions or a KubeError', () =>
    checkReader({
      name: 'parseLabelSelector',
      inputs: mutatedTexts(['app=web,tier!=db,env in (a,b),x,!y,n>3', 'a.b/c notin (x),d==e']),
      read: (selector) => {
        const requirements = parseLabelSelector(selector);
        assert.equal(typeof matchesLabels(requirements, { app: 'web', n: '4' }), 'boolean');
      },
      refuses: isKubeError,
    }));

  test('every field selector is conditions or a KubeError', () =>
    checkReader({
      name: 'parseFieldSelector',
      inputs: mutatedTexts(['spec.nodeName=n1,status.phase!=Failed', 'metadata.name==x']),
      read: (selector) => {
        const requirements = parseFieldSelector(selector);
        assert.equal(typeof matchesFields(requirements, { spec: { nodeName: 'n1' } }), 'boolean');
      },
      refuses: isKubeError,
    }));
});
