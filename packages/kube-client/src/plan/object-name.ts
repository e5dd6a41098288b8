import { KubeError } from '../model/errors.js';
import type { KubeObject } from '../model/objects.js';
import type { AnyResource } from '../model/resource.js';
import type { ObjectName } from '../ports.js';

/** Returns `namespace/name`, or the name alone for cluster-wide objects. */
export function objectKey({ metadata }: KubeObject): string {
  const { namespace, name = '' } = metadata ?? {};
  return namespace === undefined ? name : `${namespace}/${name}`;
}

/**
 * Checks that a name leads to one object. Without a namespace the path would cover all namespaces,
 * without a name all objects, and the server would say only that there is no such path.
 *
 * @throws {KubeError} `KUBE_INVALID`
 */
export function checkObjectName(
  { plural, namespaced }: AnyResource<unknown>,
  { namespace, name }: ObjectName,
): void {
  const missing = name === '' ? 'name' : namespaced && !namespace ? 'namespace' : undefined;
  if (missing === undefined) return;
  throw new KubeError('KUBE_INVALID', `${plural} ${JSON.stringify(name)}: ${missing} is required`);
}

/**
 * Checks the same of an object to be created. The server may generate its name, and a review needs
 * none.
 *
 * @throws {KubeError} `KUBE_INVALID`
 */
export function checkNewObject(resource: AnyResource<unknown>, { metadata }: KubeObject): void {
  const { namespace, name, generateName } = metadata ?? {};
  const known = name || generateName || 'a new object';
  checkObjectName(resource, { name: known, ...(namespace !== undefined && { namespace }) });
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
