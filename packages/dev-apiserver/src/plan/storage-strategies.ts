import { type ApiObject, isObject, type JsonObject } from '../model/object.js';
import type { Strategy } from './strategy.js';

/** Returns this part of the object, or a new empty one. */
function part(draft: ApiObject, name: 'spec'): JsonObject {
  const value = draft[name];
  return isObject(value) ? value : {};
}

function withDefaults(draft: ApiObject, defaults: JsonObject): void {
  draft.spec = { ...defaults, ...part(draft, 'spec') };
}

/** Without the finalizers of a real server: no controller here would remove them. */
export const volumeClaim: Strategy = {
  create: (draft) => {
    draft.status = { phase: 'Pending' };
  },
  defaults: (draft) => withDefaults(draft, { volumeMode: 'Filesystem' }),
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
