import { formatTimestamp } from '@nodeagent/base';
import type { Lease, Node } from '@nodeagent/kube-client';

/** The namespace in which each node has a Lease of its own name. */
export const LEASE_NAMESPACE = 'kube-node-lease';

/** The holder of the Lease, and the time after which it counts as lost. */
export interface LeaseConfig {
  readonly nodeName: string;
  readonly leaseDurationSeconds: number;
}

/**
 * Renews the lease; a new lease names its holder and its owner.
 *
 * @param owner the Node, so that the lease is deleted with it; needed while the lease has no
 *   owner
 * @see Kubernetes 1.36 staging/src/k8s.io/component-helpers/apimachinery/lease/controller.go
 */
export function nextLease(
  previous: Lease | undefined,
  { config, owner }: Readonly<{ config: LeaseConfig; owner: Node | undefined }>,
  nowMs: number,
): Lease {
  const { nodeName, leaseDurationSeconds } = config;
  const renewed = { leaseDurationSeconds, renewTime: formatTimestamp(nowMs, 6) };
  const uid = owner?.metadata?.uid;
  const ownerReferences =
    uid === undefined ? [] : [{ apiVersion: 'v1', kind: 'Node', name: nodeName, uid }];
  if (previous === undefined) {
    return {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: nodeName, namespace: LEASE_NAMESPACE, ownerReferences },
      spec: { holderIdentity: nodeName, ...renewed },
    };
  }
  const metadata = needsOwner(previous)
    ? { ...previous.metadata, ownerReferences }
    : previous.metadata;
  return {
    ...previous,
    ...(metadata === undefined ? {} : { metadata }),
    spec: { ...previous.spec, ...renewed },
  };
}

export function needsOwner(lease: Lease | undefined): boolean {
  return (lease?.metadata?.ownerReferences ?? []).length === 0;
}
