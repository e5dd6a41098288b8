import type { ContainerStatus, PodStatus } from '@nodeagent/kube-client';
import { describe, expect, it } from 'vitest';

import { isOnlyStarting } from '../../../src/status/plan/starting.js';

const status = (phase: string, ...containers: readonly Partial<ContainerStatus>[]): PodStatus => ({
  phase,
  containerStatuses: containers.map((container) => ({
    name: 'c',
    image: 'i',
    imageID: '',
    ready: false,
    restartCount: 0,
    ...container,
  })),
});
const waiting = (reason: string) => ({ state: { waiting: { reason } } });
const pending = status('Pending');

describe(isOnlyStarting, () => {
  it.each([
    ['waits for its containers', pending, status('Pending', waiting('ContainerCreating')), true],
    ['waits for its init containers', pending, status('Pending', waiting('PodInitializing')), true],
    [
      'has a created but unstarted container',
      pending,
      status('Pending', { state: { waiting: {} } }),
      true,
    ],
    ['runs', pending, status('Running', { state: { running: {} } }), false],
    ['runs an init container', pending, status('Pending', { state: { running: {} } }), false],
    ['cannot pull its image', pending, status('Pending', waiting('ErrImagePull')), false],
    [
      'has failed before',
      pending,
      status('Pending', { ...waiting('PodInitializing'), restartCount: 1 }),
      false,
    ],
    ['was not Pending for the API', status('Running'), status('Pending'), false],
  ] as const)('a pod that %s', (_, held, next, want) => {
    expect(isOnlyStarting(held, next)).toBe(want);
  });
});
