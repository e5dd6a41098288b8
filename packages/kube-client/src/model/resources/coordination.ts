import type { Lease, LeaseCandidate } from '../generated/api-types.js';
import type { Resource } from '../resource.js';

/**
 * `coordination.k8s.io/v1`, by namespace: heartbeats of nodes in `kube-node-lease`, and leader
 * election.
 */
export const LEASES: Resource<Lease> = {
  group: 'coordination.k8s.io',
  version: 'v1',
  plural: 'leases',
  kind: 'Lease',
  namespaced: true,
};
/**
 * `coordination.k8s.io/v1beta1`, by namespace, off by default in API servers (gate
 * `CoordinatedLeaderElection`): a program that asks to become the holder of a Lease.
 */
export const LEASE_CANDIDATES: Resource<LeaseCandidate> = {
  group: 'coordination.k8s.io',
  version: 'v1beta1',
  plural: 'leasecandidates',
  kind: 'LeaseCandidate',
  namespaced: true,
};
