import type { KubeObject } from '../model/objects.js';
import type { ObjectName } from '../ports.js';

/** Returns `namespace/name`, or the name alone for cluster-wide objects. */
export function objectKey({ metadata }: KubeObject): string {
  const { namespace, name = '' } = metadata ?? {};
  return namespace === undefined ? name : `${namespace}/${name}`;
}

/**
 * Returns the name of an object whose types have not been checked.
 *
 * @throws {TypeError} when it has none
 */
export function nameOf(object: unknown): ObjectName {
  const metadata = memberOf(object, 'metadata');
  const name = memberOf(metadata, 'name');
  const namespace = memberOf(metadata, 'namespace');
  if (typeof name !== 'string' || name === '') throw new TypeError('it has no name');
  if (namespace === undefined) return { name };
  if (typeof namespace === 'string') return { namespace, name };
  throw new TypeError('its namespace is not a string');
}

export function memberOf(object: unknown, name: string): unknown {
  if (typeof object !== 'object' || object === null) return undefined;
  return Object.hasOwn(object, name) ? (object as Record<string, unknown>)[name] : undefined;
}
