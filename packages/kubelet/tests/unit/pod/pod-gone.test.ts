import { KubeError, type KubeErrorCode } from '@nodeagent/kube-client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { isPodGone } from '../../../src/pod/index.js';
import { aPod } from '../../../src/testing/index.js';
import { Harness } from '../../support/pod-harness.js';

const answer = (code: KubeErrorCode, kind: string): KubeError =>
  new KubeError(code, 'POST …/token', { status: { kind: 'Status', details: { kind, name: 'p' } } });
const GONE = answer('KUBE_NOT_FOUND', 'pod');

describe(isPodGone, () => {
  it.each([
    ['the pod itself', GONE, true],
    ['the pod, by its resource', answer('KUBE_NOT_FOUND', 'pods'), true],
    ['a pod of another uid', answer('KUBE_CONFLICT', 'Pod'), true],
    ['the cause of another failure', new Error('no volume', { cause: GONE }), true],
    ['its service account', answer('KUBE_NOT_FOUND', 'serviceaccounts'), false],
    ['a forbidden object', answer('KUBE_FORBIDDEN', 'pods'), false],
    ['an answer without details', new KubeError('KUBE_NOT_FOUND', 'no details'), false],
    ['another error', new Error('disk full'), false],
  ])('checks the missing object: %s', (_, error, gone) => {
    expect(isPodGone(error)).toBe(gone);
  });
});

describe('a step that fails', () => {
  let node: Harness;
  beforeEach(() => {
    node = new Harness();
    node.start();
  });
  afterEach(() => node.stop());

  it.each([
    ['logs no warning if the API no longer has the pod', new Error('x', { cause: GONE }), 'debug'],
    ['logs a warning for any other cause', new Error('disk full'), 'warn'],
  ])('%s', async (_, problem, level) => {
    node.volumes.problem = problem;
    await node.create(aPod());
    const told = node.log.lines.filter(({ message }) => message === 'pod step failed');
    expect(told.map((line) => line.level)).toEqual([level]);
  });
});
