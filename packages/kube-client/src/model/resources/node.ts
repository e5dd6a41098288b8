import type { RuntimeClass } from '../generated/api-types.js';
import type { Resource } from '../resource.js';

/** `node.k8s.io/v1`, without namespaces: names of handlers of the container runtime. */
export const RUNTIME_CLASSES: Resource<RuntimeClass> = {
  group: 'node.k8s.io',
  version: 'v1',
  plural: 'runtimeclasses',
  kind: 'RuntimeClass',
  namespaced: false,
};
