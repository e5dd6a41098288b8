import { takeDescriptors } from '@nodeagent/testbed';
import { expect, it } from 'vitest';

import { createProviderPrograms } from '../../src/credentials/adapters/provider-program.js';
import type { CredentialProvider } from '../../src/credentials/index.js';
import { createJournal } from '../../src/server/adapters/journal.js';
import { createMachineReadings } from '../../src/stats/adapters/machine-readings.js';
import { CommandHelper } from '../../src/volumes/adapters/command-helper.js';

const { signal } = new AbortController();
const CAT: CredentialProvider = {
  name: 'cat',
  apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
  matchImages: [],
  defaultCacheMs: 0,
  args: [],
  env: {},
};

it.each([
  ['a mount', () => new CommandHelper().run(['true'])],
  ['a credential provider', () => createProviderPrograms('/bin')(CAT, '{}', signal)],
  ['the journal', () => createJournal('echo').read([], signal)[Symbol.asyncIterator]().next()],
] as const)('%s fails without a file descriptor, and works when there is one', async (_, act) => {
  const taken = await takeDescriptors(process.pid);
  const failed = await act().catch((error: unknown) => error);
  await taken.giveBack();
  expect(failed).toBeInstanceOf(Error);
  expect(`${String(failed)} ${String((failed as Error).cause)}`).toContain('EMFILE');
  await expect(act()).resolves.toBeDefined();
});

it('the machine is measured without a file descriptor', async () => {
  const readings = createMachineReadings({ nowMs: () => 0 });
  const taken = await takeDescriptors(process.pid);
  const measured = await Promise.allSettled([
    readings.memory(),
    readings.processes(),
    readings.interfaces(),
    readings.fileSystem('/'),
  ]);
  await taken.giveBack();
  for (const each of measured) {
    expect(each).toMatchObject({ status: 'fulfilled', value: expect.anything() as unknown });
  }
});
