import type { Tracer } from '@nodeagent/base';
import type { Pod } from '@nodeagent/kube-client';

import { podName, podNamespace, podUid } from '../../pod/index.js';
import type { PodLife } from '../model/pod-life.js';

/**
 * Names of the steps' spans.
 *
 * @see Kubernetes 1.36 pkg/kubelet/kubelet.go
 */
const SPANS: Readonly<Partial<Record<PodLife['kind'], string>>> = {
  syncing: 'syncPod',
  terminating: 'syncTerminatingPod',
  terminated: 'syncTerminatedPod',
};

/** Runs a step of a pod's life, in its own span if the tracer records it. */
export function traceStep<T>(
  tracer: Tracer | undefined,
  { pod, life }: Readonly<{ pod: Pod; life: PodLife }>,
  step: () => Promise<T>,
): Promise<T> {
  const name = SPANS[life.kind];
  if (tracer === undefined || name === undefined) return step();
  const [namespace, podOnly] = [podNamespace(pod), podName(pod)];
  const attributes = {
    'k8s.pod.uid': podUid(pod),
    'k8s.pod': `${namespace}/${podOnly}`,
    'k8s.pod.name': podOnly,
    'k8s.namespace.name': namespace,
  };
  return tracer.span({ name, kind: 'internal', attributes }, step);
}
