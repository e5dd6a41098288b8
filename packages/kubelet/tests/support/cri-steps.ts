import type { RuntimeMethod, RuntimeService } from '@nodeagent/cri-client';
import type { Pod } from '@nodeagent/kube-client';

import type { Step } from '../contract/pod-runtime/scene.js';

/** The call of a CRI runtime that carries a step out. */
export const CALL_OF: Readonly<Record<Step, RuntimeMethod>> = {
  'create-sandbox': 'runPodSandbox',
  'create-container': 'createContainer',
  'start-container': 'startContainer',
  'stop-container': 'stopContainer',
  'remove-container': 'removeContainer',
  'stop-sandbox': 'stopPodSandbox',
  'remove-sandbox': 'removePodSandbox',
  resize: 'updateContainerResources',
  observe: 'listPodSandbox',
};

/** @param events as an opened node keeps them: `Created web: Container created` */
export function reasonsOf(events: readonly string[], { metadata }: Pod): readonly string[] {
  const ofPod = events.filter((line) => line.split(' ')[1] === `${metadata?.name ?? ''}:`);
  return ofPod.map((line) => line.split(' ')[0] ?? '');
}

/** Makes a sandbox as another kubelet on this runtime would. */
export function makeSandboxElsewhere(cri: RuntimeService, { metadata }: Pod): Promise<string> {
  const { name = '', namespace = '', uid = '' } = metadata ?? {};
  const config = {
    metadata: { name, namespace, uid, attempt: 0 },
    labels: { 'io.kubernetes.pod.uid': uid },
  };
  return cri.runPodSandbox({ config }, new AbortController().signal);
}
