import { ManualClock, MemoryLogger } from '@nodeagent/base/testing';
import { CsiError } from '@nodeagent/csi';
import { connectInMemory, createMemoryDriver } from '@nodeagent/csi/testing';
import { expect, it } from 'vitest';

import { readDriver } from '../../src/run/read-driver.js';
import { never } from './cluster.js';

it('waits for a driver that is not there yet, and says so once', async () => {
  const csi = connectInMemory(createMemoryDriver());
  let isThere = false;
  const identity: typeof csi.identity = {
    ...csi.identity,
    getPluginInfo: async (request, signal) => {
      if (!isThere) throw new CsiError('CSI_UNAVAILABLE', 'no such socket');
      return csi.identity.getPluginInfo(request, signal);
    },
  };
  const [clock, log] = [new ManualClock(), new MemoryLogger()];
  const reading = readDriver({ ...csi, identity }, { clock, log }, never);
  for (let second = 0; second < 3; second += 1) await clock.advance(1000);
  isThere = true;
  await clock.advance(1000);
  const facts = await reading;
  expect(facts?.name).toBe('memory.csi.example.com');
  expect(facts?.controller.has('publish-unpublish-volume')).toBe(true);
  expect(facts?.expandsOnNode).toBe(true);
  expect(log.lines.map(({ message }) => message)).toEqual(['waiting for the driver']);
});

it('asks a driver without a controller service only for what it has', async () => {
  const { name, version, node } = createMemoryDriver();
  const means = { clock: new ManualClock(), log: new MemoryLogger() };
  const facts = await readDriver(connectInMemory({ name, version, node }), means, never);
  expect(facts?.controller.size).toBe(0);
});
