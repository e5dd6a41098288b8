import { KubeError } from '../../src/model/errors.js';

/** The sessions of a transport whose test has none. */
export function refuseChannels(): Promise<never> {
  return Promise.reject(new KubeError('KUBE_FORBIDDEN', 'no sessions here', { httpStatus: 403 }));
}
