import type { KeyDefaults, MergeField, MergeType } from '../model/merge-type.js';
import { isObject, type JsonObject } from '../model/object.js';

/** A field's path as `managedFields` writes its steps: `f:spec`, `k:{"name":"a"}`, `v:"x"`. */
export type FieldPath = readonly string[];

/** Values by path, joined by NUL. Elements of keyed lists have their own entries. */
export type Leaves = ReadonlyMap<string, unknown>;

const JOIN = '\u0000';

export function joinPath(path: FieldPath): string {
  return path.join(JOIN);
}

export function splitPath(path: string): FieldPath {
  return path.split(JOIN);
}

/** Returns every field of a value that can have its own owner. */
export function leavesOf(type: MergeType, value: JsonObject): Leaves {
  const leaves = new Map<string, unknown>();
  collect(type, value, [], leaves);
  return leaves;
}

function collect(
  type: MergeType,
  value: JsonObject,
  path: FieldPath,
  leaves: Map<string, unknown>,
): void {
  for (const [name, item] of Object.entries(value)) {
    if (item === undefined || item === null) continue;
    const here = [...path, `f:${name}`];
    const field = type.field(name);
    if (Array.isArray(item)) collectList(field, item, here, leaves);
    else if (isObject(item) && Object.keys(item).length > 0 && !field.isAtomic) {
      if (field.isMap) leaves.set(joinPath(here), CONTAINER);
      collect(field.of, item, here, leaves);
    } else leaves.set(joinPath(here), item);
  }
}

/** Stands for the presence of a list element or map, whose fields are leaves of their own. */
export const CONTAINER = Symbol('container');

function collectList(
  { list: rule, of }: MergeField,
  list: readonly unknown[],
  path: FieldPath,
  leaves: Map<string, unknown>,
): void {
  if (rule?.set !== undefined) {
    for (const item of list) leaves.set(joinPath([...path, `v:${JSON.stringify(item)}`]), item);
  } else if (rule?.applyKeys !== undefined && list.every(isObject)) {
    for (const item of list) {
      const here = [...path, elementStep(item, rule.applyKeys, rule.keyDefaults)];
      leaves.set(joinPath(here), CONTAINER);
      collect(of, item, here, leaves);
    }
  } else leaves.set(joinPath(path), list);
}

/** The API gives these keys a default, which counts when they are absent. */
const KEY_DEFAULTS: KeyDefaults = { protocol: 'TCP' };

export function elementStep(
  item: JsonObject,
  keys: readonly string[],
  defaults: KeyDefaults = KEY_DEFAULTS,
): string {
  const named = [...keys].sort().flatMap((key) => {
    const value = item[key] ?? defaults[key];
    return value === undefined ? [] : [[key, value] as const];
  });
  return `k:${JSON.stringify(Object.fromEntries(named))}`;
}

/** Encodes paths as the nested object of `fieldsV1`. */
export function encodeFieldSet(paths: Iterable<string>): JsonObject {
  const root: JsonObject = {};
  for (const path of [...paths].sort()) {
    let node = root;
    const steps = splitPath(path);
    for (const step of steps) {
      const next = node[step];
      if (isObject(next)) node = next;
      else node = node[step] = {};
    }
    if (steps.at(-1)?.startsWith('k:') === true) node['.'] = {};
  }
  return root;
}

export function decodeFieldSet(fields: unknown): ReadonlySet<string> {
  const paths = new Set<string>();
  const visit = (node: unknown, path: FieldPath): void => {
    const steps = isObject(node) ? Object.keys(node) : [];
    if (path.length > 0 && (steps.length === 0 || steps.includes('.'))) paths.add(joinPath(path));
    for (const step of steps) {
      if (step !== '.' && isObject(node)) visit(node[step], [...path, step]);
    }
  };
  visit(fields, []);
  return paths;
}

/**
 * Removes the fields at these paths from a value, in place. List elements come before their fields:
 * an element without its key could not be found.
 */
export function removeFields(value: JsonObject, paths: Iterable<string>): void {
  const outermostFirst = [...paths].map(splitPath).sort((a, b) => a.length - b.length);
  for (const path of outermostFirst) removeField(value, path);
}

function removeField(value: unknown, [step = '', ...rest]: FieldPath): void {
  const last = rest.length === 0;
  if (step.startsWith('f:') && isObject(value)) {
    const name = step.slice(2);
    if (!last) removeField(value[name], rest);
    if (last || isEmptyList(value[name])) Reflect.deleteProperty(value, name);
  } else if (Array.isArray(value)) {
    const at = value.findIndex((item) => isElement(item, step));
    if (at < 0) return;
    if (last) value.splice(at, 1);
    else removeField(value[at], rest);
  }
}

function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

function isElement(item: unknown, step: string): boolean {
  if (step.startsWith('v:')) return JSON.stringify(item) === step.slice(2);
  if (!step.startsWith('k:') || !isObject(item)) return false;
  const keys: unknown = JSON.parse(step.slice(2));
  if (!isObject(keys)) return false;
  return Object.entries(keys).every(([key, value]) => (item[key] ?? KEY_DEFAULTS[key]) === value);
}

/** Lays a configuration over a value: keyed lists and maps merge, everything else is replaced. */
export function overlay(type: MergeType, value: JsonObject, config: JsonObject): JsonObject {
  const merged = { ...value };
  for (const [name, item] of Object.entries(config)) {
    if (item === undefined || item === null) continue;
    const field = type.field(name);
    const old = merged[name];
    if (Array.isArray(item)) merged[name] = overlayList(field, old, item);
    else if (isObject(item) && isObject(old) && !field.isAtomic) {
      merged[name] = overlay(field.of, old, item);
    } else merged[name] = item;
  }
  return merged;
}

function overlayList(
  { list: rule, of }: MergeField,
  before: unknown,
  list: readonly unknown[],
): readonly unknown[] {
  const old: readonly unknown[] = Array.isArray(before) ? before : [];
  if (rule?.set !== undefined) return [...new Set([...old, ...list])];
  const keys = rule?.applyKeys;
  if (keys === undefined) return list;
  const merged = [...old];
  for (const item of list) {
    if (!isObject(item)) continue;
    const step = elementStep(item, keys, rule?.keyDefaults);
    const index = merged.findIndex(
      (have) => isObject(have) && elementStep(have, keys, rule?.keyDefaults) === step,
    );
    const have = merged[index];
    if (isObject(have)) merged[index] = overlay(of, have, item);
    else merged.push(item);
  }
  return merged;
}
