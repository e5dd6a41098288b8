import assert from 'node:assert/strict';

import { type Pod, withoutNulls } from '@nodeagent/kube-client';
import { checkReader, mutatedTexts, mutatedTrees } from '@nodeagent/testbed/mutations';
import { describe, test } from 'vitest';

import { recordedObjects } from '../../../../vitest.recorded.js';
import { defaultPod, parseImageReference, validateNewPod } from '../../src/index.js';

/** Fields that Go writes even when they are empty. */
const REQUIRED = new Set([
  'containers',
  'containerPort',
  'fieldPath',
  'key',
  'mountPath',
  'name',
  'path',
  'port',
  'resource',
]);

describe('Pods that users write', () => {
  test('every pod of typed members is filled in and judged', () =>
    checkReader({
      name: 'defaultPod, validateNewPod',
      inputs: mutatedTrees(recordedObjects('pods'), {
        kinds: 'typed',
        keep: ([first, ...rest]) => first === undefined || (first === 'spec' && rest.length === 0),
        required: (path) => REQUIRED.has(String(path.at(-1))),
      }),
      read: (value) => {
        const pod = withoutNulls(structuredClone(value)) as Pod;
        defaultPod(pod.spec!);
        for (const { field, message } of validateNewPod(pod)) {
          assert.equal(typeof field, 'string');
          assert.equal(typeof message, 'string');
        }
      },
      share: 4000,
    }));

  test('every text parses as an image name or is refused', () =>
    checkReader({
      name: 'parseImageReference',
      inputs: mutatedTexts([
        'registry.k8s.io/pause:3.9',
        `docker.io/library/busybox@sha256:${'a'.repeat(64)}`,
        '[2001:db8::1]:5000/a/b-c__d.e:tag',
      ]),
      read: (name) => {
        const found = parseImageReference(name);
        if (found !== undefined) assert.ok(found.name.length > 0 && name.startsWith(found.name));
      },
    }));
});
