import type { Topology } from '@nodeagent/csi';
import {
  matchesNodeTerms,
  type Node,
  type PersistentVolume,
  type StorageClass,
} from '@nodeagent/kube-client';

import { refused } from '../model/errors.js';
import type { View } from '../model/view.js';

/** The places that must reach a new volume, as `CreateVolume` takes them. */
export interface Requirement {
  readonly requisite: readonly Topology[];
  readonly preferred: readonly Topology[];
}

export interface Place {
  readonly driver: string;
  /** The node of the first pod; empty when the volume does not wait for one. */
  readonly selectedNode: string;
  /** True when the volume may be on the selected node only. */
  readonly onlySelected: boolean;
}

/**
 * Returns the places of a new volume: those of the cluster that the class allows, the selected node's
 * first. Undefined when no node says where it is.
 *
 * @throws {CsiControllerError} `CSI_CONTROLLER_REFUSED` when the selected node has no such driver
 * @see kubernetes-csi/external-provisioner pkg/controller/topology.go
 */
export function placesFor(
  { allowedTopologies = [] }: Pick<StorageClass, 'allowedTopologies'>,
  { driver, selectedNode, onlySelected }: Place,
  view: View,
): Requirement | undefined {
  const selected = selectedNode === '' ? undefined : topologyOf(selectedNode, driver, view);
  if (selectedNode !== '' && selected === undefined) {
    throw refused(`node ${selectedNode} has no driver ${driver}: wait until it is registered`);
  }
  const everywhere = onlySelected ? [] : [...view.nodes.keys()].sort();
  const found = [
    ...(selected === undefined ? [] : [selected]),
    ...everywhere.flatMap((node) => topologyOf(node, driver, view) ?? []),
  ];
  const allowed = found.filter(
    ({ segments }) =>
      allowedTopologies.length === 0 ||
      allowedTopologies.some(({ matchLabelExpressions = [] }) =>
        matchLabelExpressions.every(({ key, values }) => values.includes(segments[key] ?? '')),
      ),
  );
  const distinct = [...new Map(allowed.map((one) => [textOf(one), one])).values()];
  const [first] = distinct;
  if (first === undefined || Object.keys(first.segments).length === 0) return undefined;
  return { requisite: distinct, preferred: distinct };
}

function textOf({ segments }: Topology): string {
  return JSON.stringify(Object.entries(segments).sort());
}

/** Reads a node's labels under the keys that the driver named when it registered there. */
function topologyOf(name: string, driver: string, view: View): Topology | undefined {
  const { drivers = [] }: { drivers?: readonly { name: string; topologyKeys?: string[] }[] } =
    view.csiNodes.get(name)?.spec ?? {};
  const keys = drivers.find((one) => one.name === driver)?.topologyKeys;
  const labels = view.nodes.get(name)?.metadata?.labels ?? {};
  if (keys?.every((key) => labels[key] !== undefined) !== true) return undefined;
  return { segments: Object.fromEntries(keys.map((key) => [key, labels[key] ?? ''])) };
}

/** Returns the PersistentVolume's node affinity for the places that a driver reports. */
export function nodeAffinityOf(
  places: readonly Topology[],
): NonNullable<PersistentVolume['spec']>['nodeAffinity'] {
  const terms = places
    .filter(({ segments }) => Object.keys(segments).length > 0)
    .map(({ segments }) => ({
      matchExpressions: Object.entries(segments)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, value]) => ({ key, operator: 'In', values: [value] })),
    }));
  return terms.length === 0 ? undefined : { required: { nodeSelectorTerms: terms } };
}

/** True when the volume can be reached from the node, as far as it says. */
export function isReachable({ spec }: PersistentVolume, node: Node): boolean {
  const required = spec?.nodeAffinity?.required;
  return required === undefined || matchesNodeTerms(required.nodeSelectorTerms, node);
}
