import type { RuntimeService } from '@nodeagent/cri-client';
import { isKubeError, type KubeClient, type Pod, RUNTIME_CLASSES } from '@nodeagent/kube-client';

import { detailOf } from '../../images/run/index.js';
import { StartError } from '../../pod/index.js';

/**
 * The runtime handler that the pod's runtime class names; empty for the default handler.
 *
 * @throws {StartError} `CreatePodSandboxError` for a class that does not exist or cannot be read
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

/** The features of a runtime handler; empty if the runtime does not report them. */
export async function handlerFeatures(
  runtimeHandler: string,
  cri: Pick<RuntimeService, 'status'>,
  signal: AbortSignal,
): Promise<HandlerFeatures> {
  const { handlers } = await cri.status(signal);
  const none = { userNamespaces: false, recursiveReadOnlyMounts: false };
  return handlers.find(({ name }) => name === runtimeHandler) ?? none;
}
