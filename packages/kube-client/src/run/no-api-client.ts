import { KubeError } from '../model/errors.js';
import type { KubeClient } from '../ports.js';

/**
 * A client for agents that run without an API server: every call fails at once with `KUBE_CONFIG`
 * and this reason.
 */
export function createNoApiClient(reason: string): KubeClient {
  const refuse = async (): Promise<never> => {
    throw new KubeError('KUBE_CONFIG', reason);
  };
  const watch = async function* (): AsyncGenerator<never> {
    yield await refuse();
  };
  return {
    watch,
    get: refuse,
    list: refuse,
    create: refuse,
    replace: refuse,
    patch: refuse,
    delete: refuse,
    createSubresource: refuse,
  };
}
