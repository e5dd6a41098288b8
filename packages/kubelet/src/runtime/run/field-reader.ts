import type { FieldReader } from '../../volumes/index.js';
import { podField, resourceField } from '../plan/pod-fields.js';
import type { Surroundings } from '../ports.js';

/** Values of pod fields for volumes. The pod's own addresses are not known that early. */
export function createFieldReader(surroundings: Pick<Surroundings, 'node'>): FieldReader {
  return {
    field: (pod, path) => podField(pod, path, { node: surroundings.node(), podIps: [] }),
    resource: (pod, selector) =>
      resourceField(selector, { pod, container: undefined, node: surroundings.node() }),
  };
}
