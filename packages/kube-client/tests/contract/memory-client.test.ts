import { expect, it } from 'vitest';

import { createMemoryKubeClient, kubeClientContract } from '../../src/testing/index.js';

const signal = new AbortController().signal;

it.each(kubeClientContract)('in memory: $name', async ({ run, want }) => {
  const client = createMemoryKubeClient();
  expect(await run({ client, namespace: 'default', signal })).toEqual(want);
});
