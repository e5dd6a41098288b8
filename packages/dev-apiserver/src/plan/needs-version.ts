import type { Kind } from '../model/kind.js';

/**
 * Kinds that cannot be replaced without the version of the state that is replaced.
 *
 * @see Kubernetes 1.36 pkg/registry/…/strategy.go, AllowUnconditionalUpdate
 */
const STORAGES: ReadonlySet<string> = new Set([
  'clustertrustbundles',
  'csidrivers',
  'csinodes',
  'csistoragecapacities',
  'customresourcedefinitions',
  'leases',
  'mutatingwebhookconfigurations',
  'poddisruptionbudgets',
  'podcertificaterequests',
  'runtimeclasses',
  'validatingadmissionpolicies',
  'validatingadmissionpolicybindings',
  'validatingwebhookconfigurations',
  'volumeattachments',
]);

export function needsVersion({ custom, plural }: Kind): boolean {
  return custom !== undefined || STORAGES.has(plural);
}
