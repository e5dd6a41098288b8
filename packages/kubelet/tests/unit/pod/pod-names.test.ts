import type { Pod } from '@nodeagent/kube-client';
import { describe, expect, it } from 'vitest';

import { podUid } from '../../../src/pod/index.js';
import { parsePodUid, podNamesProblem, podUidProblem } from '../../../src/pod/model/pod-names.js';

describe(parsePodUid, () => {
  it.each(['5d3a9a1c-4f0b-4b43-9f0e-6f7c0e0d3b1a', 'f37a2c0de', 'u1', 'A.b-c', 'x'.repeat(250)])(
    'accepts %j',
    (uid) => expect(parsePodUid(uid)).toBe(uid),
  );

  it.each([
    ['', 'must not be empty'],
    ['.', "must not be '.'"],
    ['..', "must not be '..'"],
    ['../volumes', "must not contain '/'"],
    ['a\0b', 'must not contain a NUL'],
    ['x'.repeat(251), 'must be no more than 250 characters'],
    ['.hidden', 'begin with a letter or a digit'],
    ['-x', 'begin with a letter or a digit'],
    ['a_b', "must consist of letters, digits, '-' and '.'"],
    ['lost+found', "must consist of letters, digits, '-' and '.'"],
    ['line\nfeed', "must consist of letters, digits, '-' and '.'"],
  ])('refuses %j: %s', (uid, problem) => {
    expect(parsePodUid(uid)).toBeUndefined();
    expect(podUidProblem(uid)).toContain(problem);
    expect(() => podUid({ metadata: { uid } })).toThrow(problem);
  });
});

describe(podNamesProblem, () => {
  const named = (metadata: Pod['metadata'], spec: Partial<Pod['spec']> = {}): Pod => ({
    metadata: { name: 'web', namespace: 'default', uid: 'u1', ...metadata },
    spec: { containers: [{ name: 'app' }], ...spec },
  });

  it('finds no problem in an ordinary pod', () => {
    expect(podNamesProblem(named({}))).toBeUndefined();
  });

  it.each<readonly [string, Pod]>([
    ['metadata.uid: must not be', named({ uid: '..' })],
    ["metadata.namespace: must not contain '/'", named({ namespace: 'a/b' })],
    ["metadata.name: must not be '..'", named({ name: '..' })],
    ["spec.containers[0].name: must not be '..'", named({}, { containers: [{ name: '..' }] })],
    [
      'spec.initContainers[0].name: must not be empty',
      named({}, { initContainers: [{ name: '' }] }),
    ],
    [
      "spec.volumes[1].name: must not contain '/'",
      named({}, { volumes: [{ name: 'a' }, { name: '../../etc' }] }),
    ],
  ])('finds %s', (problem, pod) => expect(podNamesProblem(pod)).toContain(problem));
});
