import type { PodSpec } from '@nodeagent/kube-client';

import { field, type FieldError } from '../model/errors.js';
import { deepEqual, omit } from '../model/object.js';

/**
 * A pod's spec is immutable except images, the deadline (it may only be set or shortened), the
 * grace period of −1, more tolerations, and the fields that the scheduler's binding sets.
 */
export function validatePodUpdate(spec: PodSpec, old: PodSpec): readonly FieldError[] {
  const frozen = (pod: PodSpec): unknown => ({
    ...pod,
    containers: pod.containers.map((container) => omit(container, 'image')),
    initContainers: pod.initContainers?.map((container) => omit(container, 'image')),
    activeDeadlineSeconds: undefined,
    terminationGracePeriodSeconds: undefined,
    tolerations: undefined,
    schedulingGates: undefined,
  });
  const added = (old.tolerations ?? []).every((toleration) =>
    (spec.tolerations ?? []).some((kept) => deepEqual(kept, toleration)),
  );
  const errors: FieldError[] = [];
  if (!deepEqual(frozen(spec), frozen(old))) {
    const detail =
      'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)';
    errors.push(field.forbidden('spec', detail));
  }
  if (!added) {
    const detail = 'existing toleration can not be modified except its tolerationSeconds';
    errors.push(field.forbidden('spec.tolerations', detail));
  }
  return errors;
}
