import { fromStored, toStored } from '../codec/stored-form.js';
import type { Kind } from '../model/kind.js';
import { kindOf } from '../model/kinds.js';
import type { ApiObject, JsonObject } from '../model/object.js';
import type { AdmissionInput } from '../model/policy.js';
import type { Transition } from '../model/review.js';
import type { Labels } from '../model/selectors.js';
import type { AdmissionAttributes } from '../model/webhook.js';
import { requestOf } from '../plan/webhooks/review.js';
import type { Authorizer } from './authorizer.js';
import type { Registry } from './registry.js';

const NAMESPACES = kindOf('', 'namespaces');

/** The states as a webhook or a policy sees them; what is sent to subresources has no other versions. */
export function shownAs(
  { kind, sent }: AdmissionAttributes,
  seen: Kind,
  { object, old }: Transition,
): Transition {
  if (sent !== undefined) return { object, old };
  return {
    object: object === undefined ? undefined : seenAs(seen, kind, object),
    old: old === undefined ? undefined : seenAs(seen, kind, old),
  };
}

/** Gathers everything that expressions about a write see. */
export function inputOf(
  {
    attributes,
    seen,
    transition,
  }: Readonly<{ attributes: AdmissionAttributes; seen: Kind; transition: Transition }>,
  { registry, authorizer }: Readonly<{ registry: Registry; authorizer: Authorizer }>,
  params: JsonObject | null = null,
): AdmissionInput {
  const { object, old } = shownAs(attributes, seen, transition);
  const name = attributes.name || (object?.metadata.name ?? '');
  return {
    object: object ?? null,
    oldObject: old ?? null,
    request: requestOf({ ...attributes, name }, seen),
    user: attributes.user,
    decider: authorizer,
    namespaceObject: namespaceOf(registry, attributes) ?? null,
    params,
  };
}

/** The object in another kind with the same storage. */
export function seenAs(as: Kind, kind: Kind, object: ApiObject): ApiObject {
  return as === kind ? object : fromStored(as, toStored(kind, object));
}

/** The namespace of the object of a write; undefined for cluster-wide objects. */
function namespaceOf(
  registry: Registry,
  { kind, namespace }: AdmissionAttributes,
): ApiObject | undefined {
  if (kind.storage === NAMESPACES.storage || !kind.namespaced) return undefined;
  return registry.find(NAMESPACES, { namespace: '', name: namespace });
}

/** The labels that namespace selectors look at: a namespace's own; undefined for cluster-wide objects. */
export function namespaceLabels(
  registry: Registry,
  attributes: AdmissionAttributes,
  { object, old }: Transition,
): Labels | undefined {
  const { kind } = attributes;
  if (kind.storage === NAMESPACES.storage) return (object ?? old)?.metadata.labels ?? {};
  if (!kind.namespaced) return undefined;
  return namespaceOf(registry, attributes)?.metadata.labels ?? {};
}

/** The kinds with the same storage. */
export function equivalentsOf(kinds: readonly Kind[], kind: Kind): readonly Kind[] {
  return kinds.filter((one) => one.storage === kind.storage && one !== kind);
}
