import type { Container, Sandbox } from '@nodeagent/cri-client';

import {
  LABEL_POD_NAME,
  LABEL_POD_NAMESPACE,
  LABEL_POD_UID,
  type RuntimePod,
} from '../../pod/index.js';

/**
 * The pods in the runtime's lists. Objects that another client created without a pod's labels are
 * left out.
 */
export function runtimePods(
  sandboxes: readonly Sandbox[],
  containers: readonly Container[],
): readonly RuntimePod[] {
  const pods = new Map<string, RuntimePod>();
  const add = (pod: RuntimePod): void => {
    if (pod.uid === '') return; // made by another client of the runtime
    const running = pod.running || pods.get(pod.uid)?.running === true;
    pods.set(pod.uid, { ...pod, running });
  };
  for (const { metadata, state } of sandboxes) {
    if (metadata === undefined) continue;
    const { uid, namespace, name } = metadata;
    add({ uid, namespace, name, running: state === 'ready' });
  }
  for (const { labels, state } of containers) {
    add({
      uid: labels[LABEL_POD_UID] ?? '',
      namespace: labels[LABEL_POD_NAMESPACE] ?? '',
      name: labels[LABEL_POD_NAME] ?? '',
      running: state === 'running',
    });
  }
  return [...pods.values()];
}
