import { type ApiObject, textAt, valueAt } from '../model/object.js';
import type { Selection } from '../model/request.js';
import { matchesLabels } from '../model/selectors.js';

/** True when a list or watch selects this object. */
export function selects(selection: Selection, object: ApiObject): boolean {
  const { namespace, labels, fields } = selection;
  const { metadata } = object;
  if (namespace !== '' && metadata.namespace !== undefined && metadata.namespace !== namespace) {
    return false;
  }
  if (labels.length > 0 && !matchesLabels(labels, metadata.labels ?? {})) return false;
  return fields.every(({ path, equal, value }) => (fieldOf(object, path) === value) === equal);
}

/** For field selectors, absent booleans are `false`, and an event's source is its component. */
function fieldOf(object: ApiObject, path: string): string {
  if (path === 'spec.unschedulable' || path === 'spec.hostNetwork') {
    return String(valueAt(object, path) === true);
  }
  if (path === 'source') return textAt(object, 'source.component');
  return textAt(object, path);
}
