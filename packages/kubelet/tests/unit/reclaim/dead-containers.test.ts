import { MemoryLogger } from '@nodeagent/base/testing';
import type { Container, ContainerId } from '@nodeagent/cri-client';
import { expect, it } from 'vitest';

import { removeDeadContainers } from '../../../src/reclaim/run/index.js';

const ended = (id: string, uid: string): Container => ({
  ...{ id: id as ContainerId, sandboxId: 's' as never, imageRef: '', imageId: '' },
  ...{ state: 'exited', createdAtMs: 0, annotations: {} },
  labels: { 'io.kubernetes.pod.uid': uid },
});

it('removes ended containers of pods that do not run, also after a failure', async () => {
  const removed: string[] = [];
  const log = new MemoryLogger();
  await removeDeadContainers(
    {
      cri: {
        listContainers: async (filter) => {
          expect(filter).toEqual({ state: 'exited' });
          return [ended('a', 'gone'), ended('b', 'running'), ended('c', 'gone')];
        },
        removeContainer: async (id) => {
          if (id === 'a') throw new Error('busy');
          removed.push(id);
        },
      },
      active: () => new Set(['running']),
      log,
    },
    new AbortController().signal,
  );
  expect(removed).toEqual(['c']);
  expect(log.lines.map(({ message }) => message)).toEqual(['cannot remove an ended container']);
});
