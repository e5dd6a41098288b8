import { parseQuantity } from '@nodeagent/base';

import { field, type FieldError } from '../model/errors.js';
import {
  type ApiObject,
  deepEqual,
  isObject,
  type JsonObject,
  omit,
  textAt,
  valueAt,
} from '../model/object.js';
import type { Strategy } from './strategy.js';

/** Returns this part of the object, or a new empty one. */
function part(draft: ApiObject, name: 'spec'): JsonObject {
  const value = draft[name];
  return isObject(value) ? value : {};
}

function withDefaults(draft: ApiObject, defaults: JsonObject): void {
  draft.spec = { ...defaults, ...part(draft, 'spec') };
}

const REQUEST = 'spec.resources.requests.storage';

/**
 * A claim's spec stays as it is but for its binding and its size, which only grows: a smaller size
 * takes back a larger one that was asked for, never below the present capacity.
 *
 * @see Kubernetes 1.36 pkg/apis/core/validation/validation.go, ValidatePersistentVolumeClaimUpdate
 */
function claimUpdate(claim: ApiObject, old: ApiObject): readonly FieldError[] {
  const fixed = ({ spec = {} }: ApiObject): JsonObject =>
    omit(spec, 'resources', 'volumeName', 'storageClassName', 'volumeAttributesClassName');
  const isNamed = textAt(old, 'spec.volumeName') !== '';
  const kept = (path: string): boolean =>
    valueAt(old, path) === undefined || deepEqual(valueAt(claim, path), valueAt(old, path));
  const same =
    deepEqual(fixed(claim), fixed(old)) &&
    (!isNamed || kept('spec.volumeName')) &&
    kept('spec.storageClassName');
  const detail =
    'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims';
  const errors = same ? [] : [field.forbidden('spec', detail)];
  const amount = (object: ApiObject, path: string): bigint =>
    parseQuantity(textAt(object, path)) ?? 0n;
  const [asked, before] = [amount(claim, REQUEST), amount(old, REQUEST)];
  if (asked !== before && textAt(old, 'status.phase') !== 'Bound') {
    errors.push(field.forbidden('spec', detail));
  } else if (asked < before && asked <= amount(old, 'status.capacity.storage')) {
    errors.push(field.forbidden(REQUEST, 'field can not be less than status.capacity'));
  }
  return errors;
}

/** The protection finalizers come from a controller, so that nothing waits where none runs. */
export const volumeClaim: Strategy = {
  create: (draft) => {
    draft.status = { phase: 'Pending' };
  },
  defaults: (draft) => withDefaults(draft, { volumeMode: 'Filesystem' }),
  validateUpdate: claimUpdate,
};

/** @see Kubernetes 1.36 pkg/apis/core/v1/defaults.go, SetDefaults_PersistentVolume */
export const volume: Strategy = {
  create: (draft) => {
    draft.status = { phase: 'Pending' };
  },
  defaults: (draft) => {
    withDefaults(draft, { volumeMode: 'Filesystem', persistentVolumeReclaimPolicy: 'Retain' });
    const spec = part(draft, 'spec');
    if (isObject(spec['hostPath'])) spec['hostPath'] = { type: '', ...spec['hostPath'] };
  },
};

/** @see Kubernetes 1.36 pkg/apis/storage/v1/defaults.go */
export const csiDriver: Strategy = {
  defaults: (draft) =>
    withDefaults(draft, {
      attachRequired: true,
      podInfoOnMount: false,
      storageCapacity: false,
      fsGroupPolicy: 'ReadWriteOnceWithFSType',
      volumeLifecycleModes: ['Persistent'],
      requiresRepublish: false,
      seLinuxMount: false,
    }),
};

export const storageClass: Strategy = {
  defaults: (draft) => {
    draft['reclaimPolicy'] ??= 'Delete';
    draft['volumeBindingMode'] ??= 'Immediate';
  },
};

/** @see Kubernetes 1.36 pkg/apis/discovery/v1/defaults.go */
export function defaultSlicePorts(draft: ApiObject): void {
  const ports = draft['ports'];
  if (!Array.isArray(ports)) return;
  draft['ports'] = ports.map((port: unknown) =>
    isObject(port) ? { name: '', protocol: 'TCP', ...port } : port,
  );
}
