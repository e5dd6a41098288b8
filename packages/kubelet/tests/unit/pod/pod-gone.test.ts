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
    ['what another failure came from', new Error('no volume', { cause: GONE }), true],
    ['its service account', answer('KUBE_NOT_FOUND', 'serviceaccounts'), false],
    ['what may not be had', answer('KUBE_FORBIDDEN', 'pods'), false],
    ['nothing that is named', new KubeError('KUBE_NOT_FOUND', 'no details'), false],
    ['something else', new Error('disk full'), false],
  ])('looks at what is missing: %s', (_, error, gone) => {
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
    ['is no warning where the API has just lost the pod', new Error('x', { cause: GONE }), 'debug'],
    ['is one where the cause is another', new Error('disk full'), 'warn'],
  ])('%s', async (_, problem, level) => {
    node.volumes.problem = problem;
    await node.create(aPod());
    const told = node.log.lines.filter(({ message }) => message === 'pod step failed');
    expect(told.map((line) => line.level)).toEqual([level]);
  });
});
