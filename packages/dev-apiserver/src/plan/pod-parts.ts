import { asWritten, type Container, type Pod } from '@nodeagent/kube-client';

import { field, type FieldError } from '../model/errors.js';
import { type ApiObject, deepEqual, omit } from '../model/object.js';
import { typed } from '../model/typed.js';
import { qosClassOf } from './pod-qos.js';

/** Subresources that may change parts of a pod's spec, which is otherwise immutable. */
export type PodPart = 'ephemeralcontainers' | 'resize';

/** Returns the stored pod with only this subresource's part taken from the draft. */
export function withPodPart(part: PodPart, draft: ApiObject, old: ApiObject): ApiObject {
  const wanted = typed('Pod', draft).spec;
  const { spec } = typed('Pod', old);
  if (spec === undefined) return old;
  const next =
    part === 'ephemeralcontainers'
      ? { ...spec, ephemeralContainers: wanted?.ephemeralContainers ?? [] }
      : {
          ...spec,
          ...(wanted?.resources && { resources: wanted.resources }),
          containers: resized(spec.containers, wanted?.containers),
          ...(spec.initContainers === undefined
            ? {}
            : { initContainers: resized(spec.initContainers, wanted?.initContainers) }),
        };
  return { ...old, spec: next };
}

function resized(
  containers: readonly Container[],
  wanted: readonly Container[] | undefined,
): Container[] {
  return containers.map((container) => {
    const resources = wanted?.find(({ name }) => name === container.name)?.resources;
    return resources === undefined ? container : { ...container, resources };
  });
}

/** @see Kubernetes 1.36 pkg/apis/core/validation: ValidatePodEphemeralContainersUpdate, ValidatePodResize */
export function validatePodPart(
  part: PodPart,
  object: ApiObject,
  old: ApiObject,
): readonly FieldError[] {
  return part === 'resize' ? resizeErrors(object, old) : ephemeralErrors(object, old);
}

function ephemeralErrors(object: ApiObject, old: ApiObject): readonly FieldError[] {
  const path = 'spec.ephemeralContainers';
  const wanted = typed('Pod', object).spec?.ephemeralContainers ?? [];
  const before = typed('Pod', old).spec?.ephemeralContainers ?? [];
  const others = [
    ...(typed('Pod', old).spec?.containers ?? []),
    ...(typed('Pod', old).spec?.initContainers ?? []),
  ].map(({ name }) => name);
  const taken = new Set(others);
  const errors = wanted.flatMap((container, i) => {
    const { name = '', image = '' } = asWritten(container);
    const duplicate = taken.has(name);
    taken.add(name);
    if (name === '') return [field.required(`${path}[${i}].name`)];
    if (image === '') return [field.required(`${path}[${i}].image`)];
    return duplicate ? [field.duplicate(`${path}[${i}].name`, name)] : [];
  });
  const lost = before.flatMap((container) => {
    const now = wanted.find(({ name }) => name === container.name);
    if (now !== undefined && deepEqual(now, container)) return [];
    const what = now === undefined ? 'removed' : 'changed';
    return [
      field.forbidden(path, `existing ephemeral containers "${container.name}" may not be ${what}`),
    ];
  });
  return [...errors, ...lost];
}

/** CPU and memory may change, as long as the quality-of-service class does not. */
function resizeErrors(object: ApiObject, old: ApiObject): readonly FieldError[] {
  const { spec } = typed('Pod', object);
  const before = typed('Pod', old);
  if (spec === undefined || before.spec === undefined) return [];
  const errors: FieldError[] = [];
  if (before.metadata.annotations?.['kubernetes.io/config.mirror'] !== undefined) {
    errors.push(field.forbidden('spec', 'static pods cannot be resized'));
  }
  if (!deepEqual(otherResources(spec), otherResources(before.spec))) {
    errors.push(field.forbidden('spec', 'only cpu and memory resources are mutable'));
  }
  if (qosClassOf(spec) !== (before.status?.qosClass ?? qosClassOf(before.spec))) {
    errors.push(
      field.invalid(
        'metadata',
        qosClassOf(spec),
        'Pod QOS Class may not change as a result of resizing',
      ),
    );
  }
  return errors;
}

function otherResources({ containers, initContainers = [] }: NonNullable<Pod['spec']>): unknown {
  return [...containers, ...initContainers].map(({ resources }) => ({
    ...resources,
    limits: omit(resources?.limits ?? {}, 'cpu', 'memory'),
    requests: omit(resources?.requests ?? {}, 'cpu', 'memory'),
  }));
}
