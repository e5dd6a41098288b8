import type { Pod } from '@nodeagent/kube-client';

import { podUid } from '../../src/pod/index.js';
import type { OpenedNode } from './opened-node.js';

const { signal } = new AbortController();

/** Starts the first container of a pod in a new sandbox. */
export async function runPod({ runtime, view }: OpenedNode, pod: Pod): Promise<void> {
  const sandboxId = await runtime.createSandbox(pod, 0, signal);
  const { podIps } = await view.observe(podUid(pod), signal);
  const name = pod.spec?.containers[0]?.name ?? '';
  const request = { pod, sandboxId, podIps, name, role: 'regular', restartCount: 0 } as const;
  await runtime.startContainer(request, signal);
}

/** Removes everything of a pod from the runtime. */
export async function stopPod({ runtime, view }: OpenedNode, pod: Pod): Promise<void> {
  const { sandboxes } = await view.observe(podUid(pod), signal);
  for (const { id } of sandboxes) {
    await runtime.stopSandbox(id, signal);
    await runtime.removeSandbox(id, signal);
  }
}
