import type { NodeInfo } from '@nodeagent/csi';
import type { CsiNode, Node } from '@nodeagent/kube-client';

import { VolumeError } from '../../volumes/index.js';

/** The Node's annotation: a JSON object of node ids by driver. */
export const NODE_ID_ANNOTATION = 'csi.volume.kubernetes.io/nodeid';
/** In-tree volume types that CSI drivers have taken over; the scheduler reads the list. */
const MIGRATED_ANNOTATION = 'storage.alpha.kubernetes.io/migrated-plugins';
const MIGRATED = [
  'kubernetes.io/aws-ebs',
  'kubernetes.io/azure-disk',
  'kubernetes.io/azure-file',
  'kubernetes.io/cinder',
  'kubernetes.io/gce-pd',
  'kubernetes.io/portworx-volume',
  'kubernetes.io/vsphere-volume',
].join(',');

const MAX_COUNT = 2 ** 31 - 1;

/**
 * The change to a Node for a driver: annotation and topology labels; undefined if nothing changes.
 *
 * @param info undefined for a driver that is gone; its labels stay
 * @throws {VolumeError} `VOLUME_SOURCE` if a label exists with another value
 * @see Kubernetes 1.36 pkg/volume/csi/nodeinfomanager/nodeinfomanager.go
 */
export function nodePatch(
  { metadata = {} }: Node,
  driver: string,
  info: NodeInfo | undefined,
): object | undefined {
  const before = metadata.annotations?.[NODE_ID_ANNOTATION];
  const ids = new Map(Object.entries(parseIds(before)));
  if (info === undefined) ids.delete(driver);
  else ids.set(driver, info.nodeId);
  const after = ids.size === 0 ? undefined : JSON.stringify(Object.fromEntries([...ids].sort()));
  const labels = Object.entries(info?.accessibleTopology?.segments ?? {}).filter(([key, value]) => {
    const existing = metadata.labels?.[key];
    if (existing !== undefined && existing !== value) {
      const text = `detected topology value collision: driver reported "${key}":"${value}" but existing label is "${key}":"${existing}"`;
      throw new VolumeError('VOLUME_SOURCE', text);
    }
    return existing === undefined;
  });
  if (after === before && labels.length === 0) return undefined;
  return {
    metadata: {
      annotations: { [NODE_ID_ANNOTATION]: after ?? null },
      ...(labels.length > 0 && { labels: Object.fromEntries(labels) }),
    },
  };
}

function parseIds(text: string | undefined): Readonly<Record<string, string>> {
  if (text === undefined) return {};
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, string>) : {};
  } catch {
    return {}; // not written by a kubelet: the registered drivers replace it
  }
}

/** The object that a node has before any driver registers. */
export function emptyCsiNode(nodeName: string, nodeUid: string): CsiNode {
  return {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'CSINode',
    metadata: {
      name: nodeName,
      annotations: { [MIGRATED_ANNOTATION]: MIGRATED },
      ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: nodeName, uid: nodeUid }],
    },
    spec: { drivers: [] },
  };
}

/** True for the object of an earlier node of the same name. */
export function isOfAnotherNode(found: CsiNode, nodeUid: string): boolean {
  return found.metadata?.ownerReferences?.some(({ uid }) => uid === nodeUid) !== true;
}

type Drivers = CsiNode['spec']['drivers'];

/** Go writes an empty list as null. */
type WrittenCsiNode = Readonly<{ spec: Readonly<{ drivers?: Drivers | null }> }>;

function driversOf({ spec }: WrittenCsiNode): Drivers {
  return spec.drivers ?? [];
}

/**
 * The object with this driver as its last; undefined if nothing changes.
 *
 * @param info undefined for a driver that is gone
 */
export function withDriver(
  found: CsiNode,
  driver: string,
  info: NodeInfo | undefined,
): CsiNode | undefined {
  const drivers = driversOf(found);
  const others = drivers.filter(({ name }) => name !== driver);
  const before = drivers.find(({ name }) => name === driver);
  if (info === undefined) {
    return before === undefined ? undefined : { ...found, spec: { drivers: others } };
  }
  const count = Math.min(info.maxVolumesPerNode, MAX_COUNT);
  const after = {
    name: driver,
    nodeID: info.nodeId,
    topologyKeys: Object.keys(info.accessibleTopology?.segments ?? {}).sort(),
    ...(count > 0 && { allocatable: { count } }),
  };
  const same =
    before !== undefined &&
    before.nodeID === after.nodeID &&
    (before.topologyKeys ?? []).join() === after.topologyKeys.join() &&
    (before.allocatable?.count ?? 0) === Math.max(count, 0);
  return same ? undefined : { ...found, spec: { drivers: [...others, after] } };
}
