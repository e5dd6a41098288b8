import type { CustomKind } from '../model/custom-kind.js';
import type { Kind } from '../model/kind.js';
import { apiVersionOf } from '../model/kinds.js';
import type { ApiObject } from '../model/object.js';
import { pruned, setDefaults } from '../plan/custom/prune.js';
import { eventFromStored, eventToStored } from './event-view.js';

/** The object as its storage holds it; kinds with one storage are views of the same objects. */
export function toStored(kind: Kind, object: ApiObject): ApiObject {
  if (kind.custom === undefined) return eventToStored(kind, object);
  const { storedApiVersion, storedSchema } = kind.custom;
  if (storedApiVersion === object.apiVersion) return object;
  const { kind: name, metadata } = object;
  const kept = pruned(storedSchema, object, []);
  return { ...kept, apiVersion: storedApiVersion, kind: name, metadata };
}

export function fromStored(kind: Kind, stored: ApiObject): ApiObject {
  if (kind.custom === undefined) return eventFromStored(kind, stored);
  return viewOf(kind, kind.custom, stored);
}

const views = new WeakMap<Kind, WeakMap<ApiObject, ApiObject>>();

/**
 * A custom resource in one version: with the defaults of the version in which it is stored, and
 * without what its own schema lacks.
 */
function viewOf(kind: Kind, custom: CustomKind, stored: ApiObject): ApiObject {
  const { schema, storedSchema } = custom;
  const known = views.get(kind) ?? new WeakMap<ApiObject, ApiObject>();
  views.set(kind, known);
  const made = known.get(stored);
  if (made !== undefined) return made;
  const { metadata } = stored;
  const body = structuredClone(pruned(storedSchema, stored, []));
  setDefaults(storedSchema, body);
  const view = {
    ...pruned(schema, body, []),
    apiVersion: apiVersionOf(kind),
    kind: kind.kind,
    metadata,
  };
  known.set(stored, view);
  return view;
}
