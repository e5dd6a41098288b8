import type { SessionFailure } from '@nodeagent/pod-streams';

import { KubeError } from '../model/errors.js';
import { errorFromStatus } from './status-error.js';

/**
 * Returns the error of a session whose connection works: the answer to the request was that it may
 * begin, and the rest is said inside it.
 *
 * @param asked `GET /api/v1/namespaces/a/pods/web/exec`
 */
export function errorFromSession(asked: string, failure: SessionFailure): KubeError {
  const { detail } = failure;
  switch (failure.kind) {
    case 'failed':
      if (failure.status !== undefined) return errorFromStatus(asked, failure.status);
      return new KubeError('KUBE_SERVER', `${asked}: ${detail}`);
    case 'port':
      return new KubeError('KUBE_SERVER', `${asked}: port ${failure.port}: ${detail}`);
    case 'endless-input':
      return new KubeError('KUBE_PROTOCOL', `${asked}: the server's ${detail}`);
    case 'no-status':
      return new KubeError('KUBE_UNAVAILABLE', `${asked}: ${detail}`);
  }
}
