import type { RuntimeService } from '@nodeagent/cri-client';
import { isKubeError, type KubeClient, type Pod, RUNTIME_CLASSES } from '@nodeagent/kube-client';

import { detailOf } from '../../images/run/index.js';
import { StartError } from '../../pod/index.js';

/**
 * Which of the runtime's handlers the pod's runtime class names; empty for the default one. Asked of
 * the API server each time: few pods have a class, and a sandbox is made once.
 *
 * @throws {StartError} `CreatePodSandboxError` for a class that there is not, or cannot be read
 */
export async function runtimeHandlerOf(
  pod: Pod,
  client: Pick<KubeClient, 'get'>,
  signal: AbortSignal,
): Promise<string> {
  const name = pod.spec?.runtimeClassName ?? '';
  if (name === '') return '';
  try {
    const { handler } = await client.get(RUNTIME_CLASSES, { name }, signal);
    if (typeof handler !== 'string') throw new TypeError('handler: expected string');
    return handler;
  } catch (cause) {
    signal.throwIfAborted();
    const text = isKubeError(cause, 'KUBE_NOT_FOUND')
      ? `runtimeclass.node.k8s.io ${JSON.stringify(name)} not found`
      : `failed to lookup RuntimeClass ${name}: ${detailOf(cause)}`;
    throw new StartError('CreatePodSandboxError', text, { cause });
  }
}

export interface HandlerFeatures {
  readonly userNamespaces: boolean;
  readonly recursiveReadOnlyMounts: boolean;
}

/** What a handler of the runtime can do; nothing when the runtime does not tell. */
export async function handlerFeatures(
  runtimeHandler: string,
  cri: Pick<RuntimeService, 'status'>,
  signal: AbortSignal,
): Promise<HandlerFeatures> {
  const { handlers } = await cri.status(signal);
  const none = { userNamespaces: false, recursiveReadOnlyMounts: false };
  return handlers.find(({ name }) => name === runtimeHandler) ?? none;
}
