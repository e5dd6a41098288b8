import type { ControllerCapability } from '../codec/controller.js';
import type { PluginService } from '../codec/identity.js';
import type { NodeCapability } from '../codec/node.js';
import type { ControllerDriver, Driver, NodeDriver } from '../ports.js';

/** Derives the capabilities of a driver's node service from its methods. */
export function nodeCapabilities(node: NodeDriver | undefined): readonly NodeCapability[] {
  if (node === undefined) return [];
  return [
    ...only('stage-unstage-volume', node.stage),
    ...only('get-volume-stats', node.stats),
    ...only('expand-volume', node.expand),
    ...(node.capabilities ?? []),
  ];
}

/** Derives the capabilities of a driver's controller service from its methods. */
export function controllerCapabilities(
  controller: ControllerDriver | undefined,
): readonly ControllerCapability[] {
  if (controller === undefined) return [];
  return [
    ...only('create-delete-volume', controller.create),
    ...only('publish-unpublish-volume', controller.publish),
    ...only('list-volumes', controller.list),
    ...only('get-capacity', controller.capacity),
    ...only('create-delete-snapshot', controller.createSnapshot),
    ...only('list-snapshots', controller.listSnapshots),
    ...only('get-snapshot', controller.getSnapshot),
    ...only('expand-volume', controller.expand),
    ...only('get-volume', controller.get),
    ...only('modify-volume', controller.modify),
    ...(controller.capabilities ?? []),
  ];
}

/** Services and properties of the driver as a whole. */
export function pluginServices(driver: Driver): readonly PluginService[] {
  return [
    ...only('controller-service', driver.controller),
    ...only(
      'volume-accessibility-constraints',
      driver.controller?.accessibilityConstraints === true ? true : undefined,
    ),
    ...only('group-controller-service', driver.groupController),
    ...only('snapshot-metadata-service', driver.snapshotMetadata),
  ];
}

function only<const Name>(name: Name, present: unknown): readonly Name[] {
  return present === undefined ? [] : [name];
}
