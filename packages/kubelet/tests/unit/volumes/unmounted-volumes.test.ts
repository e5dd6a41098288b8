import type { Volume } from '@nodeagent/kube-client';
import { describe, expect, it } from 'vitest';

import { VolumeError, type VolumeErrorCode, type VolumeStep } from '../../../src/volumes/index.js';
import {
  isUnprocessed,
  unmountedText,
  type VolumeFailure,
} from '../../../src/volumes/plan/unmounted-volumes.js';

const failure = (
  volume: Volume,
  why: string,
  [code, step]: readonly [VolumeErrorCode, VolumeStep['name']?] = ['VOLUME_SOURCE'],
): VolumeFailure => ({
  volume,
  why,
  cause: new VolumeError(
    code,
    why,
    step === undefined ? {} : { step: { operation: 'MountVolume', name: step, volume: 'pv' } },
  ),
});
const claimed = (name: string): Volume => ({ name, persistentVolumeClaim: { claimName: name } });

describe(unmountedText, () => {
  it('names volumes whose claims cannot be used, each with its reason', () => {
    const failures = [
      failure(claimed('b'), 'error processing PVC ns/b: PVC is not bound'),
      failure({ name: 'x', configMap: { name: 'nope' } }, 'configmap "nope" not found'),
      failure(claimed('a'), 'error processing PVC ns/a: PVC is being deleted'),
    ];
    expect(unmountedText(failures)).toBe(
      'unmounted volumes=[a b x], unattached volumes=[], failed to process volumes=[a b]: error processing PVC ns/b: PVC is not bound; error processing PVC ns/a: PVC is being deleted',
    );
  });

  it('names volumes that wait for their attachment', () => {
    const failures = [
      failure(claimed('a'), 'not attached', ['VOLUME_PENDING', 'WaitForAttach']),
      failure(claimed('b'), 'refused', ['VOLUME_MOUNT', 'SetUp']),
    ];
    expect(unmountedText(failures)).toBe(
      'unmounted volumes=[a b], unattached volumes=[a], failed to process volumes=[]: not attached',
    );
  });
});

describe(isUnprocessed, () => {
  it.each<readonly [string, Volume, boolean]>([
    ['a claim', claimed('a'), true],
    ['an unknown kind', { name: 'v', flocker: {} }, true],
    ['a config map', { name: 'v', configMap: { name: 'c' } }, false],
    ['a path of the host', { name: 'v', hostPath: { path: '/x' } }, false],
  ])('is, without a step of mounting, a failure of %s: %s', (_, volume, is) => {
    expect(isUnprocessed(failure(volume, 'no'))).toBe(is);
  });

  it('is not a failure of a driver', () => {
    expect(isUnprocessed({ volume: claimed('a'), cause: new Error('no'), why: 'no' })).toBe(false);
  });
});
