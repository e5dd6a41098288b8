import { ManualClock, MemoryLogger, MemoryMetrics } from '@nodeagent/base/testing';
import type { CsiServices } from '@nodeagent/csi';
import { expect, it } from 'vitest';

import type { PluginSocket } from '../../../src/storage/ports.js';
import { CsiDrivers } from '../../../src/storage/run/csi-drivers.js';
import { StorageMeter } from '../../../src/storage/run/storage-meter.js';

const { signal } = new AbortController();

it('a driver that cannot be withdrawn holds up no other, and is tried again', async () => {
  const clock = new ManualClock();
  const log = new MemoryLogger();
  let sockets: readonly PluginSocket[] = [{ path: '/reg/a.sock', identity: '1' }];
  const metrics = new MemoryMetrics();
  let apiIsAway = false;
  const withdrawn: string[] = [];
  const node = { getInfo: async () => ({ nodeId: 'n1' }) } as unknown as CsiServices['node'];
  const drivers = new CsiDrivers({
    ...{ clock, log, meter: new StorageMeter(metrics, clock) },
    sockets: {
      list: async () => sockets,
      openRegistration: (path) => ({
        getInfo: async () => ({
          type: 'CSIPlugin',
          name: path.replace('/reg/', ''),
          endpoint: '/csi.sock',
          supportedVersions: ['1.0.0'],
        }),
        notifyRegistrationStatus: async () => ({}),
        close: () => undefined,
      }),
      openDriver: () => ({ node, close: () => undefined }),
    },
    announcer: {
      announce: async () => undefined,
      withdraw: async (name) => {
        if (apiIsAway) throw new Error('the API server is away');
        withdrawn.push(name);
      },
    },
  });
  const counted = () => [...metrics.values.keys()].sort();
  const plugins = (path: string) =>
    ['actual', 'desired'].map(
      (state) =>
        `plugin_manager_total_plugins{socket_path="${path}",state="${state}_state_of_world"}`,
    );
  await drivers.reconcile(signal);
  expect(drivers.names()).toEqual(['a.sock']);
  expect(counted()).toEqual(plugins('/reg/a.sock'));

  apiIsAway = true;
  sockets = [{ path: '/reg/b.sock', identity: '2' }];
  await drivers.reconcile(signal);
  await drivers.reconcile(signal);
  expect(drivers.names()).toEqual(['a.sock', 'b.sock']);
  const [stillThere, gone] = plugins('/reg/a.sock');
  expect(counted()).toEqual([stillThere, ...plugins('/reg/b.sock')]);
  expect(counted()).not.toContain(gone);
  const warnings = log.lines.filter(({ message }) => message === 'CSI driver not withdrawn');
  expect(warnings).toHaveLength(1);

  apiIsAway = false;
  await clock.advance(500);
  await drivers.reconcile(signal);
  expect(withdrawn).toEqual(['a.sock']);
  expect(drivers.names()).toEqual(['b.sock']);
  expect(counted()).toEqual(plugins('/reg/b.sock'));
});
