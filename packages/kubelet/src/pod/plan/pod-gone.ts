import { isKubeError } from '@nodeagent/kube-client';

/**
 * The failure occurred because the API no longer has the pod: it was deleted at once, or replaced
 * by a new pod of its name, and its source has yet to report that. Such a failure needs no
 * attention.
 *
 * @see Kubernetes 1.36 pkg/registry/core/serviceaccount/storage/token.go
 */
export function isPodGone(error: unknown): boolean {
  for (let one = error; one instanceof Error; one = one.cause) {
    if (isKubeError(one, 'KUBE_NOT_FOUND', 'KUBE_CONFLICT')) {
      return /^pods?$/i.test(one.status?.details?.kind ?? '');
    }
  }
  return false;
}
