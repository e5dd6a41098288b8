import type { HandlersOf } from '@nodeagent/unix-grpc';

import { type IDENTITY } from '../codec/identity.js';
import { CsiError } from '../model/errors.js';
import { pluginServices } from '../plan/capabilities.js';
import { driverProblems } from '../plan/driver-name.js';
import type { CsiHandlers, Driver } from '../ports.js';
import { controllerHandlers } from './controller-handlers.js';
import { nodeHandlers } from './node-handlers.js';
import { unimplemented } from './unimplemented.js';
import { VolumeLocks } from './volume-locks.js';

/**
 * Turns the functions of a driver's author into a complete CSI driver: it checks requests,
 * serializes operations on one volume, answers repeated calls like the first, and derives
 * capabilities from the existing methods.
 *
 * @throws {CsiError} `CSI_BAD_DRIVER` with all problems of the driver
 */
export function createDriver(driver: Driver): CsiHandlers {
  const problems = driverProblems(driver);
  if (problems.length > 0) throw new CsiError('CSI_BAD_DRIVER', problems.join('; '));
  const locks = new VolumeLocks();
  return {
    identity: identityHandlers(driver),
    controller: controllerHandlers(driver.controller, locks),
    groupController: driver.groupController ?? {
      getCapabilities: async () => unimplemented('the group controller service'),
      createVolumeGroupSnapshot: async () => unimplemented('the group controller service'),
      deleteVolumeGroupSnapshot: async () => unimplemented('the group controller service'),
      getVolumeGroupSnapshot: async () => unimplemented('the group controller service'),
    },
    snapshotMetadata: driver.snapshotMetadata ?? {
      getMetadataAllocated: () => unimplemented('the snapshot metadata service'),
      getMetadataDelta: () => unimplemented('the snapshot metadata service'),
    },
    node: nodeHandlers(driver.node, locks),
  };
}

function identityHandlers(driver: Driver): HandlersOf<typeof IDENTITY> {
  const { name, version, manifest, controller } = driver;
  const expansion = controller?.expansion;
  return {
    getPluginInfo: async () => ({ name, vendorVersion: version, manifest }),
    getPluginCapabilities: async () => ({
      capabilities: [
        ...pluginServices(driver).map(
          (type) => ({ type: { kind: 'service', value: { type } } }) as const,
        ),
        ...(expansion === undefined
          ? []
          : [{ type: { kind: 'volumeExpansion', value: { type: expansion } } } as const]),
      ],
    }),
    probe: async (_, signal) => ({ ready: (await driver.ready?.(signal)) ?? true }),
  };
}
