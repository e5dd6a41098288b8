import { statusError } from '../model/errors.js';
import { isObject, type JsonObject } from '../model/object.js';
import { fieldsOf, type ListRule, listRule } from '../model/schema.js';

const ORDER = '$setElementOrder/';
const FROM_PRIMITIVES = '$deleteFromPrimitiveList/';

/**
 * Applies Kubernetes' own patch format: like a merge patch, but some lists are merged by a key of
 * their elements, and `$patch`, `$retainKeys`, `$setElementOrder/…` and
 * `$deleteFromPrimitiveList/…` control the merge.
 *
 * @param type name in the type table; unknown types merge like RFC 7386
 * @throws {StatusError} 400 for an invalid directive or element
 * @see Kubernetes apimachinery pkg/util/strategicpatch/patch.go
 */
export function strategicMerge(type: string, target: JsonObject, patch: JsonObject): JsonObject {
  if (patch['$patch'] === 'replace') return withoutDirectives(patch);
  if (patch['$patch'] === 'delete') return {};
  const merged: JsonObject = retained(target, patch['$retainKeys']);
  for (const [name, value] of Object.entries(patch)) {
    if (name === '$patch' || name === '$retainKeys' || name.startsWith(ORDER)) continue;
    if (name.startsWith(FROM_PRIMITIVES)) {
      const list = name.slice(FROM_PRIMITIVES.length);
      merged[list] = withoutItems(merged[list], value);
    } else if (value === null) Reflect.deleteProperty(merged, name);
    else if (merged[name] === undefined && isDirective(value))
      continue; // upstream drops the whole object
    else merged[name] = mergeField(type, name, merged[name], value);
  }
  for (const [name, order] of Object.entries(patch)) {
    if (!name.startsWith(ORDER) || !Array.isArray(order)) continue;
    const list = name.slice(ORDER.length);
    const value = merged[list];
    if (Array.isArray(value)) merged[list] = ordered(value, order, listRule(type, list)?.patchKey);
  }
  return merged;
}

function mergeField(type: string, name: string, old: unknown, value: unknown): unknown {
  const of = fieldsOf(type)?.get(name);
  if (Array.isArray(value)) {
    const rule = listRule(type, name);
    return rule === undefined
      ? value.filter((item) => !isDirective(item))
      : mergeList(of?.of ?? '', rule, { old, patch: value });
  }
  if (!isObject(value)) return value;
  const inner = of?.shape === 'one' ? of.of : '';
  return strategicMerge(inner, isObject(old) ? old : {}, value);
}

function mergeList(
  type: string,
  rule: ListRule,
  lists: Readonly<{ old: unknown; patch: readonly unknown[] }>,
): unknown {
  const old: readonly unknown[] = Array.isArray(lists.old) ? lists.old : [];
  if (lists.patch.some((item) => isObject(item) && item['$patch'] === 'replace')) {
    return lists.patch.filter((item) => !isDirective(item));
  }
  const key = rule.patchKey;
  if (key === undefined) {
    return rule.set === 'always' ? [...new Set([...old, ...lists.patch])] : lists.patch;
  }
  const merged = [...old];
  for (const item of lists.patch) {
    if (!isObject(item) || item[key] === undefined) {
      throw statusError.badRequest(
        `map: ${JSON.stringify(item)} does not contain declared merge key: ${key}`,
      );
    }
    const at = merged.findIndex((have) => isObject(have) && have[key] === item[key]);
    const have = merged[at];
    if (item['$patch'] === 'delete') {
      if (at >= 0) merged.splice(at, 1);
    } else if (isObject(have)) merged[at] = strategicMerge(type, have, item);
    else merged.push(strategicMerge(type, {}, item));
  }
  return merged;
}

function isDirective(item: unknown): boolean {
  return isObject(item) && item['$patch'] !== undefined;
}

function withoutDirectives(patch: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(patch).filter(([name]) => !name.startsWith('$')));
}

function retained(target: JsonObject, keys: unknown): JsonObject {
  if (!Array.isArray(keys)) return { ...target };
  return Object.fromEntries(Object.entries(target).filter(([name]) => keys.includes(name)));
}

function withoutItems(list: unknown, items: unknown): unknown {
  if (!Array.isArray(list) || !Array.isArray(items)) return list;
  return list.filter((item) => !items.includes(item));
}

/**
 * Puts named elements in the given order; the others keep their place before the element that
 * followed them.
 */
function ordered(
  list: readonly unknown[],
  order: readonly unknown[],
  key: string | undefined,
): readonly unknown[] {
  const idOf = (item: unknown): unknown => (key !== undefined && isObject(item) ? item[key] : item);
  const rank = new Map(order.map((item, i) => [idOf(item), i]));
  const named = list
    .filter((item) => rank.has(idOf(item)))
    .sort((a, b) => (rank.get(idOf(a)) ?? 0) - (rank.get(idOf(b)) ?? 0));
  let next = 0;
  return list.map((item) => (rank.has(idOf(item)) ? named[next++] : item));
}
