import type { ControllerCapability } from '../codec/controller.js';
import type { PluginService } from '../codec/identity.js';
import type { NodeCapability } from '../codec/node.js';
import type { ControllerDriver, Driver, NodeDriver } from '../ports.js';

/** Derives the capabilities of a driver's node service from its methods. */
export function nodeCapabilities(node: NodeDriver | undefined): readonly NodeCapability[] {
  if (node === undefined) return [];
  return [
    ...only('stage-unstage-volume', node.stage !== undefined),
    ...only('get-volume-stats', node.stats !== undefined),
    ...only('expand-volume', node.expand !== undefined),
    ...(node.capabilities ?? []),
  ];
}

/** Derives the capabilities of a driver's controller service from its methods. */
export function controllerCapabilities(
  controller: ControllerDriver | undefined,
): readonly ControllerCapability[] {
  if (controller === undefined) return [];
  return [
    ...only('create-delete-volume', controller.create !== undefined),
    ...only('publish-unpublish-volume', controller.publish !== undefined),
    ...only('list-volumes', controller.list !== undefined),
    ...only('get-capacity', controller.capacity !== undefined),
    ...only('create-delete-snapshot', controller.createSnapshot !== undefined),
    ...only('list-snapshots', controller.listSnapshots !== undefined),
    ...only('get-snapshot', controller.getSnapshot !== undefined),
    ...only('expand-volume', controller.expand !== undefined),
    ...only('get-volume', controller.get !== undefined),
    ...only('modify-volume', controller.modify !== undefined),
    ...(controller.capabilities ?? []),
  ];
}

/** Services and properties of the driver as a whole. */
export function pluginServices(driver: Driver): readonly PluginService[] {
  return [
    ...only('controller-service', driver.controller !== undefined),
    ...only(
      'volume-accessibility-constraints',
      driver.controller?.accessibilityConstraints === true,
    ),
    ...only('group-controller-service', driver.groupController !== undefined),
    ...only('snapshot-metadata-service', driver.snapshotMetadata !== undefined),
  ];
}

function only<const Name>(name: Name, isPresent: boolean): readonly Name[] {
  return isPresent ? [name] : [];
}
