import type { DaemonSet, OwnerReference, Pod, PodSpec } from '@nodeagent/kube-client';

import { uidOf } from './objects.js';
import { templateHash } from './template-hash.js';
import type { Toleration } from './tolerations.js';

const REVISION = 'controller-revision-hash';
const REQUIRED = 'requiredDuringSchedulingIgnoredDuringExecution';

/**
 * Tolerations of every pod of a DaemonSet.
 *
 * @see Kubernetes 1.36 pkg/controller/daemon/util/daemonset_util.go, AddOrUpdateDaemonPodTolerations
 */
const ALWAYS: readonly Toleration[] = [
  ...['not-ready', 'unreachable'].map((taint) => toleration(taint, 'NoExecute')),
  ...['disk-pressure', 'memory-pressure', 'pid-pressure', 'unschedulable'].map((taint) =>
    toleration(taint, 'NoSchedule'),
  ),
];

function toleration(taint: string, effect: string): Toleration {
  return { key: `node.kubernetes.io/${taint}`, operator: 'Exists', effect };
}

export function ownedByDaemonSet(set: DaemonSet): OwnerReference {
  const { name = '' } = set.metadata ?? {};
  const flags = { controller: true, blockOwnerDeletion: true };
  return { apiVersion: 'apps/v1', kind: 'DaemonSet', name, uid: uidOf(set), ...flags };
}

/** Returns the hash of the set's template. */
export function revisionOf({ spec }: DaemonSet): string {
  return templateHash(spec?.template, 0);
}

export function podRevision({ metadata }: Pod): string {
  return metadata?.labels?.[REVISION] ?? '';
}

/** Returns the pod of a node: its affinity names the node, beside what the template requires. */
export function daemonPod(set: DaemonSet, node: string): Pod {
  const { namespace = '', name = '' } = set.metadata ?? {};
  const { metadata, spec } = set.spec?.template ?? {};
  const { labels, annotations, finalizers } = metadata ?? {};
  const template: PodSpec = { containers: [], ...spec };
  return {
    metadata: {
      generateName: `${name}-`,
      namespace,
      labels: { ...labels, [REVISION]: revisionOf(set) },
      ...(annotations && { annotations }),
      ...(finalizers && { finalizers }),
      ownerReferences: [ownedByDaemonSet(set)],
    },
    spec: {
      ...template,
      affinity: {
        ...template.affinity,
        nodeAffinity: { ...template.affinity?.nodeAffinity, [REQUIRED]: onlyOn(node) },
      },
      tolerations: [
        ...(template.tolerations ?? []),
        ...ALWAYS,
        ...(template.hostNetwork === true ? [toleration('network-unavailable', 'NoSchedule')] : []),
      ],
    },
  };
}

/** The node is named in place of the template's terms, which it fulfils. */
function onlyOn(node: string) {
  const matchFields = [{ key: 'metadata.name', operator: 'In', values: [node] }];
  return { nodeSelectorTerms: [{ matchFields }] };
}

/** Returns the node of a pod; the one that it is for while it has none. */
export function nodeOf({ spec }: Pod): string | undefined {
  if (spec?.nodeName) return spec.nodeName;
  const terms = spec?.affinity?.nodeAffinity?.[REQUIRED]?.nodeSelectorTerms ?? [];
  return terms[0]?.matchFields?.find(({ key }) => key === 'metadata.name')?.values?.[0];
}
