import type { Kind } from '../model/kind.js';
import { type ApiObject, isObject, type JsonObject } from '../model/object.js';

/** Field names of events.k8s.io and of the core event, for the fields that differ. */
const RENAMED = {
  note: 'message',
  regarding: 'involvedObject',
  reportingController: 'reportingComponent',
  deprecatedCount: 'count',
  deprecatedFirstTimestamp: 'firstTimestamp',
  deprecatedLastTimestamp: 'lastTimestamp',
  deprecatedSource: 'source',
} as const;

const toCore = new Map<string, string>(Object.entries(RENAMED));
const fromCore = new Map(Object.entries(RENAMED).map(([there, core]) => [core as string, there]));

/** Events are stored as core events only; the other group is a view with other field names. */
export function eventToStored(kind: Kind, object: ApiObject): ApiObject {
  if (kind.storage !== 'events' || kind.group === '') return object;
  return renamed(object, toCore, { apiVersion: 'v1', kind: 'Event' });
}

export function eventFromStored(kind: Kind, object: ApiObject): ApiObject {
  if (kind.storage !== 'events' || kind.group === '') return object;
  return renamed(object, fromCore, { apiVersion: 'events.k8s.io/v1', kind: 'Event' });
}

function renamed(
  object: ApiObject,
  names: ReadonlyMap<string, string>,
  type: Pick<ApiObject, 'apiVersion' | 'kind'>,
): ApiObject {
  const fields: JsonObject = {};
  for (const [name, value] of Object.entries(object)) fields[names.get(name) ?? name] = value;
  const metadata = isObject(fields['metadata']) ? object.metadata : {};
  return { ...fields, ...type, metadata };
}
