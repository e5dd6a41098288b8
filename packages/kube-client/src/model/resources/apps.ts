import type {
  ControllerRevision,
  DaemonSet,
  Deployment,
  ReplicaSet,
  StatefulSet,
} from '../generated/api-types.js';
import type { Resource } from '../resource.js';

/* @__NO_SIDE_EFFECTS__ */
function apps<T>(plural: string, kind: string): Resource<T> {
  return { group: 'apps', version: 'v1', plural, kind, namespaced: true };
}

/** `apps/v1`, by namespace. Subresources: `status`, `scale` (a `Scale`). */
export const DEPLOYMENTS = apps<Deployment>('deployments', 'Deployment');
/** `apps/v1`, by namespace. Subresources: `status`, `scale` (a `Scale`). */
export const REPLICA_SETS = apps<ReplicaSet>('replicasets', 'ReplicaSet');
/** `apps/v1`, by namespace: one pod on each node. Subresource: `status`. */
export const DAEMON_SETS = apps<DaemonSet>('daemonsets', 'DaemonSet');
/** `apps/v1`, by namespace. Subresources: `status`, `scale` (a `Scale`). */
export const STATEFUL_SETS = apps<StatefulSet>('statefulsets', 'StatefulSet');
/**
 * `apps/v1`, by namespace: an earlier state of a DaemonSet's or StatefulSet's template, kept so that
 * a rollout can be undone. Its data never changes.
 */
export const CONTROLLER_REVISIONS = apps<ControllerRevision>(
  'controllerrevisions',
  'ControllerRevision',
);
