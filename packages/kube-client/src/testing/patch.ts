import { KubeError } from '../model/errors.js';
import type { Patch } from '../ports.js';

export type Json = Record<string, unknown>;

/**
 * Lists that strategic merge patches merge by key, by the name of the field that holds them. All
 * other lists are replaced. Covers pods, nodes and services.
 *
 * @see Kubernetes 1.36 api/core/v1/types.go, patchMergeKey
 */
const MERGE_KEYS: Readonly<Record<string, string>> = {
  conditions: 'type',
  addresses: 'type',
  podIPs: 'ip',
  hostIPs: 'ip',
  containers: 'name',
  initContainers: 'name',
  ephemeralContainers: 'name',
  volumes: 'name',
  env: 'name',
  volumeMounts: 'mountPath',
  imagePullSecrets: 'name',
  hostAliases: 'ip',
  topologySpreadConstraints: 'topologyKey',
  ownerReferences: 'uid',
};
/** Lists of plain values that are merged as sets. */
const MERGED_SETS: ReadonlySet<string> = new Set(['finalizers', 'podCIDRs']);

/**
 * Returns the object after a patch; neither argument is changed. `apply` is treated as a strategic
 * merge, without field ownership.
 *
 * @throws {KubeError} `KUBE_INVALID`
 */
export function applyPatch(object: Json, { type, body }: Patch): Json {
  switch (type) {
    case 'json':
      return applyJsonPatch(object, body);
    case 'merge':
      return asObject(mergePatch(object, body));
    case 'strategic-merge':
    case 'apply':
      return strategicMerge(object, asObject(body));
  }
}

function asObject(value: unknown): Json {
  if (isObject(value)) return value;
  throw new KubeError('KUBE_INVALID', 'patch: the result must be an object');
}

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** RFC 7386. */
function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const result: Json = isObject(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) Reflect.deleteProperty(result, key);
    else result[key] = mergePatch(result[key], value);
  }
  return result;
}

function strategicMerge(target: Json, patch: Json): Json {
  if (patch['$patch'] === 'replace') return withoutDirectives(patch);
  const result: Json = { ...target };
  for (const [key, value] of Object.entries(patch)) {
    if (key.startsWith('$setElementOrder/') || key === '$retainKeys') continue;
    if (key.startsWith('$deleteFromPrimitiveList/')) {
      const field = key.slice('$deleteFromPrimitiveList/'.length);
      result[field] = asList(result[field]).filter((item) => !asList(value).includes(item));
    } else if (value === null) Reflect.deleteProperty(result, key);
    else if (Array.isArray(value)) result[key] = mergeList(key, asList(result[key]), value);
    else if (isObject(value)) {
      const before = result[key];
      // A kube-apiserver drops a patch object with a directive when there is nothing to apply it
      // to.
      if (before === undefined && value['$patch'] !== undefined) continue;
      if (value['$patch'] === 'delete') Reflect.deleteProperty(result, key);
      else result[key] = strategicMerge(isObject(before) ? before : {}, value);
    } else result[key] = value;
  }
  return result;
}

function mergeList(
  field: string,
  target: readonly unknown[],
  patch: readonly unknown[],
): unknown[] {
  const mergeKey = MERGE_KEYS[field];
  if (mergeKey === undefined) {
    if (!MERGED_SETS.has(field)) return [...patch];
    return [...new Set([...target, ...patch])];
  }
  const result = [...target];
  for (const item of patch) {
    if (!isObject(item)) continue;
    const at = result.findIndex((have) => isObject(have) && have[mergeKey] === item[mergeKey]);
    const found = result[at];
    if (item['$patch'] === 'replace') return patch.filter((other) => other !== item);
    if (item['$patch'] === 'delete') {
      if (at >= 0) result.splice(at, 1);
    } else if (isObject(found)) result[at] = strategicMerge(found, item);
    else result.push(withoutDirectives(item));
  }
  return result;
}

function withoutDirectives(object: Json): Json {
  return Object.fromEntries(
    Object.entries(object).filter(([key, value]) => !key.startsWith('$') && value !== null),
  );
}

function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** Applies RFC 6902: all operations or none. */
function applyJsonPatch(object: Json, body: unknown): Json {
  if (!Array.isArray(body)) throw new KubeError('KUBE_INVALID', 'JSON patch: must be a list');
  let root: unknown = structuredClone(object);
  for (const operation of body) root = applyOperation(root, asObject(operation));
  return asObject(root);
}

function applyOperation(root: unknown, operation: Json): unknown {
  const path = pointer(operation['path']);
  switch (operation['op']) {
    case 'add':
      return put(root, path, operation['value'], 'insert');
    case 'replace':
      valueAt(root, path);
      return put(root, path, operation['value'], 'overwrite');
    case 'remove':
      valueAt(root, path);
      return remove(root, path);
    case 'move': {
      const from = pointer(operation['from']);
      const value = valueAt(root, from);
      return put(remove(root, from), path, value, 'insert');
    }
    case 'copy':
      return put(root, path, structuredClone(valueAt(root, pointer(operation['from']))), 'insert');
    case 'test':
      if (JSON.stringify(valueAt(root, path)) !== JSON.stringify(operation['value'])) {
        throw new KubeError('KUBE_INVALID', `JSON patch: test failed at /${path.join('/')}`);
      }
      return root;
    default:
      throw new KubeError(
        'KUBE_INVALID',
        `JSON patch: unknown operation "${String(operation['op'])}"`,
      );
  }
}

function pointer(text: unknown): readonly string[] {
  if (text === '') return [];
  if (typeof text !== 'string' || !text.startsWith('/')) {
    throw new KubeError('KUBE_INVALID', `JSON patch: bad path ${JSON.stringify(text)}`);
  }
  return text
    .slice(1)
    .split('/')
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function valueAt(root: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((at, token) => {
    if ((isObject(at) || Array.isArray(at)) && Object.hasOwn(at, token)) {
      return (at as Json)[token];
    }
    throw new KubeError('KUBE_INVALID', `JSON patch: nothing at /${path.join('/')}`);
  }, root);
}

function put(
  root: unknown,
  path: readonly string[],
  value: unknown,
  how: 'insert' | 'overwrite',
): unknown {
  const last = path.at(-1);
  if (last === undefined) return value;
  const parent = valueAt(root, path.slice(0, -1));
  if (Array.isArray(parent)) {
    const index = last === '-' ? parent.length : Number(last);
    if (!Number.isInteger(index) || index < 0 || index > parent.length) {
      throw new KubeError('KUBE_INVALID', `JSON patch: bad index at /${path.join('/')}`);
    }
    parent.splice(index, how === 'insert' ? 0 : 1, value);
  } else asObject(parent)[last] = value;
  return root;
}

function remove(root: unknown, path: readonly string[]): unknown {
  const last = path.at(-1);
  if (last === undefined) return undefined;
  const parent = valueAt(root, path.slice(0, -1));
  if (Array.isArray(parent)) parent.splice(Number(last), 1);
  else Reflect.deleteProperty(asObject(parent), last);
  return root;
}
