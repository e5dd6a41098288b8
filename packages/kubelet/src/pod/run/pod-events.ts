import type { EventRecorder, ObjectReference, Pod } from '@nodeagent/kube-client';

import { findContainer } from '../model/pod-spec.js';
import type { PodEvents } from '../ports.js';

const FIELD = {
  init: 'spec.initContainers',
  sidecar: 'spec.initContainers',
  regular: 'spec.containers',
  ephemeral: 'spec.ephemeralContainers',
} as const;

/** Pod events through the API. */
export function createPodEvents(recorder: EventRecorder): PodEvents {
  const record = (type: 'Normal' | 'Warning') => {
    return (
      pod: Pod,
      reason: string,
      message: string,
      container?: string,
      annotations?: Readonly<Record<string, string>>,
    ): void =>
      recorder.record({
        ...{ about: referenceTo(pod, container), type, reason, message },
        ...(annotations !== undefined && { annotations }),
      });
  };
  return { normal: record('Normal'), warning: record('Warning') };
}

function referenceTo(pod: Pod, container: string | undefined): ObjectReference {
  const { name = '', namespace = 'default', uid = '', resourceVersion } = pod.metadata ?? {};
  const role = container === undefined ? undefined : findContainer(pod, container)?.role;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    name,
    namespace,
    uid,
    ...(resourceVersion !== undefined && { resourceVersion }),
    ...(role !== undefined && { fieldPath: `${FIELD[role]}{${container}}` }),
  };
}
