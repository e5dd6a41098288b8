import { isKubeError } from '@nodeagent/kube-client';

/**
 * Whether the cause of a failure is that the API has the pod no more: it was deleted at once, or
 * made anew under its name, and its source has yet to tell. Nobody has to look into that.
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
