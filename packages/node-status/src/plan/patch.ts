import type { Node, NodeCondition } from '@nodeagent/kube-client';

import { without } from './without.js';

type Json = Readonly<Record<string, unknown>>;

/**
 * Returns the strategic merge patch for `nodes/status` that turns `before` into `after`. It
 * contains metadata and status, never spec. Addresses are replaced as a whole, because their merge
 * key is not unique.
 *
 * @returns undefined when nothing differs
 */
export function planStatusPatch(before: Node, after: Node): Json | undefined {
  const patch: Record<string, unknown> = {};
  for (const part of ['metadata', 'status'] as const) {
    const difference = objectPatch(asJson(before[part]), asJson(after[part]));
    if (difference !== undefined) patch[part] = difference;
  }
  return Object.keys(patch).length > 0 ? patch : undefined;
}

/** Reports whether a report is worth sending, i.e. anything except heartbeats differs. */
export function differs(before: Node, after: Node): boolean {
  return planStatusPatch(withoutHeartbeats(before), withoutHeartbeats(after)) !== undefined;
}

function withoutHeartbeats(node: Node): Node {
  const conditions = node.status?.conditions?.map((condition) => {
    return without({ ...condition }, 'lastHeartbeatTime') as unknown as NodeCondition;
  });
  return conditions === undefined ? node : { ...node, status: { ...node.status, conditions } };
}

function asJson(value: unknown): Json {
  return typeof value === 'object' && value !== null ? (value as Json) : {};
}

function objectPatch(before: Json, after: Json): Json | undefined {
  const patch: Record<string, unknown> = {};
  for (const key of Object.keys(before)) if (after[key] === undefined) patch[key] = null;
  for (const [key, value] of Object.entries(after)) {
    const difference = valuePatch(key, before[key], value);
    if (difference !== undefined) patch[key] = difference;
  }
  return Object.keys(patch).length > 0 ? patch : undefined;
}

function valuePatch(key: string, before: unknown, after: unknown): unknown {
  if (after === undefined || isSame(before, after)) return undefined;
  if (key === 'conditions') return conditionsPatch(asList(before), asList(after));
  if (key === 'addresses' && asList(before).length > 0) {
    return [...asList(after), { $patch: 'replace' }];
  }
  if (isPlain(before) && isPlain(after)) return objectPatch(before, after);
  return after;
}

/** Conditions merge by type, so only changed conditions are sent, and only their changed fields. */
function conditionsPatch(before: readonly Json[], after: readonly Json[]): unknown {
  const changed = after.flatMap((condition) => {
    const old = before.find(({ type }) => type === condition['type']);
    if (old === undefined) return [condition];
    const difference = objectPatch(old, condition);
    return difference === undefined ? [] : [{ type: condition['type'], ...difference }];
  });
  return changed.length > 0 ? changed : undefined;
}

function asList(value: unknown): readonly Json[] {
  return Array.isArray(value) ? (value as Json[]) : [];
}

function isPlain(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Deep equality of JSON; the order of members does not matter. */
function isSame(a: unknown, b: unknown): boolean {
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, index) => isSame(item, b[index]));
  }
  if (!isPlain(a) || !isPlain(b)) return a === b;
  const keys = Object.keys({ ...a, ...b });
  return keys.every((key) => isSame(a[key], b[key]));
}
