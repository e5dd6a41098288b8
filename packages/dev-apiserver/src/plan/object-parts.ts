import type { Kind } from '../model/kind.js';
import { type ApiObject, deepEqual, omit } from '../model/object.js';
import { type PodPart, withPodPart } from './pod-parts.js';

/**
 * The part of an object that a write changes; `internal` is the server's own write of all parts.
 */
export type Part = 'main' | 'status' | 'finalize' | 'internal' | PodPart;

/**
 * Returns the draft, with every part that this write may not change taken from the stored object.
 */
export function keepParts(kind: Kind, part: Part, draft: ApiObject, old: ApiObject): ApiObject {
  const chosen = omit(
    draft.metadata,
    'uid',
    'creationTimestamp',
    'deletionTimestamp',
    'deletionGracePeriodSeconds',
    'generation',
    'resourceVersion',
  );
  const { uid, creationTimestamp, generation, resourceVersion } = old.metadata;
  const { deletionTimestamp, deletionGracePeriodSeconds } = old.metadata;
  const kept = Object.fromEntries(
    Object.entries({
      uid,
      creationTimestamp,
      generation,
      resourceVersion,
      deletionTimestamp,
      deletionGracePeriodSeconds,
    }).filter(([, value]) => value !== undefined),
  );
  const metadata = { ...chosen, ...kept };
  if (part === 'internal') return { ...draft, metadata: { ...draft.metadata, ...kept } };
  if (part === 'finalize') return { ...old, spec: draft.spec ?? {} };
  if (part === 'ephemeralcontainers' || part === 'resize') {
    return { ...withPodPart(part, draft, old), metadata: withManaged(old, draft) };
  }
  if (part === 'status') {
    const open = kind.kind === 'Pod' || kind.kind === 'Node';
    const next = { ...old, metadata: open ? metadata : withManaged(old, draft) };
    if (draft.status === undefined) delete next.status;
    else next.status = draft.status;
    return next;
  }
  const next: ApiObject = { ...draft, metadata };
  if (!kind.status) return next;
  delete next.status;
  if (old.status !== undefined) next.status = old.status;
  return next;
}

function withManaged(old: ApiObject, draft: ApiObject): ApiObject['metadata'] {
  const { managedFields } = draft.metadata;
  return managedFields === undefined ? old.metadata : { ...old.metadata, managedFields };
}

/** True when the objects differ at most in the times of their managers' last writes. */
export function sameObject(a: ApiObject, b: ApiObject): boolean {
  const bare = ({ metadata, ...rest }: ApiObject): unknown => {
    const { managedFields, ...meta } = metadata;
    const owners = managedFields?.map((entry) => omit(entry, 'time'));
    return { ...rest, meta, owners };
  };
  return deepEqual(bare(a), bare(b));
}
