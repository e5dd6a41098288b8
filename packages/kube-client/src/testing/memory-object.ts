import { KubeError } from '../model/errors.js';
import type { KubeObject } from '../model/objects.js';
import type { AnyResource, Resource } from '../model/resource.js';
import {
  matchesFields,
  matchesLabels,
  parseFieldSelector,
  parseLabelSelector,
} from '../plan/selectors.js';
import type { ObjectName, Selectors } from '../ports.js';
import type { CallMatch, MemoryCall } from './memory-call.js';
import { applyPatch, isObject, type Json } from './patch.js';

export function bind(
  pod: Json,
  binding: Json,
  update: (object: KubeObject) => void,
  refuse: (why: string) => KubeError,
): Json {
  const spec = isObject(pod['spec']) ? pod['spec'] : {};
  const node = isObject(binding['target']) ? binding['target']['name'] : undefined;
  const bound = spec['nodeName'];
  if (typeof bound === 'string' && bound !== '')
    throw refuse(`already assigned to node "${bound}"`);
  const scheduled = { conditions: [{ type: 'PodScheduled', status: 'True' }] };
  const patched = applyPatch(pod, { type: 'strategic-merge', body: { status: scheduled } });
  update({ ...patched, spec: { ...spec, nodeName: node } } as KubeObject);
  return { kind: 'Status', apiVersion: 'v1', status: 'Success' };
}

export function conflictOf(at: { resource: Resource<unknown>; name: ObjectName }) {
  return (why: string): KubeError => conflict(at.resource, at.name, why);
}

export function conflict(resource: Resource<unknown>, name: ObjectName, why: string): KubeError {
  const message = `${resource.plural} "${keyOf(name)}": ${why}`;
  return new KubeError('KUBE_CONFLICT', message, { httpStatus: 409 });
}

export function covers(match: CallMatch, call: MemoryCall): boolean {
  return Object.entries(match).every(([key, value]) => call[key as keyof CallMatch] === value);
}

export function matcher(selectors: Selectors): (object: Json) => boolean {
  const labels = parseLabelSelector(selectors.labelSelector ?? '');
  const fields = parseFieldSelector(selectors.fieldSelector ?? '');
  return (object) => {
    const { namespace, labels: have } = metadataOf(object);
    if (selectors.namespace !== undefined && namespace !== selectors.namespace) return false;
    return (
      matchesLabels(labels, isObject(have) ? (have as Record<string, string>) : {}) &&
      matchesFields(fields, object)
    );
  };
}

export function target(
  { plural }: AnyResource<unknown>,
  { namespace, name }: { readonly namespace?: string; readonly name?: string },
  subresource?: string,
): Omit<MemoryCall, 'verb'> {
  return {
    plural,
    ...(namespace === undefined ? {} : { namespace }),
    ...(name === undefined || name === '' ? {} : { name }),
    ...(subresource === undefined ? {} : { subresource }),
  };
}

export function idOf({ group, plural }: Resource<unknown>): string {
  return group === '' ? plural : `${plural}.${group}`;
}

export function nameOf(namespace: string | undefined, name: string): ObjectName {
  return namespace === undefined ? { name } : { namespace, name };
}

export function keyOf({ namespace, name }: ObjectName): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}

export function byKey(a: Json, b: Json): number {
  const [left, right] = [sortKey(a), sortKey(b)];
  return left < right ? -1 : left > right ? 1 : 0;
}

function sortKey(object: Json): string {
  const { namespace, name } = metadataOf(object);
  const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');
  return `${textOf(namespace)}/${textOf(name)}`;
}

export function metadataOf(object: Json): Json {
  const metadata = object['metadata'];
  return isObject(metadata) ? metadata : {};
}

export function uidOf(serial: number): string {
  return `00000000-0000-4000-8000-${serial.toString(16).padStart(12, '0')}`;
}

export function suffix(serial: number): string {
  return serial.toString(36).padStart(5, 'x');
}
