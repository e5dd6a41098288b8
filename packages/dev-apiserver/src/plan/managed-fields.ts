import { StatusError } from '../model/errors.js';
import type { Kind } from '../model/kind.js';
import { apiVersionOf } from '../model/kinds.js';
import { mergeTypeOf } from '../model/merge-type.js';
import {
  type ApiObject,
  deepEqual,
  isObject,
  type JsonObject,
  omit,
  toApiObject,
} from '../model/object.js';
import {
  CONTAINER,
  decodeFieldSet,
  encodeFieldSet,
  leavesOf,
  overlay,
  removeFields,
  splitPath,
} from './field-set.js';

type Entry = NonNullable<ApiObject['metadata']['managedFields']>[number];

/** The writer of a change: the entry of `managedFields` that gets the written fields. */
export interface Writer {
  readonly manager: string;
  readonly time: string;
  /** Empty for the object itself. */
  readonly subresource: string;
}

/** Fields without an owner: the server sets them. */
const UNOWNED = [
  'name',
  'namespace',
  'uid',
  'creationTimestamp',
  'resourceVersion',
  'generation',
  'managedFields',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'selfLink',
  'generateName',
];

function ownable(object: ApiObject | JsonObject): JsonObject {
  const { metadata, ...all } = object;
  const rest: JsonObject = omit(all, 'apiVersion', 'kind');
  if (!isObject(metadata)) return rest;
  const named = Object.entries(metadata).filter(([name]) => !UNOWNED.includes(name));
  return named.length === 0 ? rest : { ...rest, metadata: Object.fromEntries(named) };
}

function sameLeaf(a: unknown, b: unknown): boolean {
  return a === CONTAINER || b === CONTAINER ? a === b : deepEqual(a, b);
}

/**
 * Updates `managedFields` after a write other than apply: the writer owns changed fields, and
 * removed fields lose their owner. Changes the draft.
 */
export function trackUpdate(
  kind: Kind,
  draft: ApiObject,
  old: ApiObject | undefined,
  writer: Writer,
): void {
  const entries = draft.metadata.managedFields ?? old?.metadata.managedFields ?? [];
  const type = mergeTypeOf(kind);
  const now = leavesOf(type, ownable(draft));
  const before = old === undefined ? new Map<string, unknown>() : leavesOf(type, ownable(old));
  const changed = new Set<string>();
  for (const [path, value] of now) {
    if (!before.has(path) || !sameLeaf(before.get(path), value)) changed.add(path);
  }
  const appliedNow = draft.metadata.managedFields?.some((entry) => entry.time === APPLIED) === true;
  const next: Entry[] = [];
  let own: Entry | undefined;
  for (const entry of entries) {
    const isOwn =
      entry.operation === 'Update' &&
      entry.manager === writer.manager &&
      (entry.subresource ?? '') === writer.subresource;
    const justApplied = entry.time === APPLIED;
    const kept = [...decodeFieldSet(entry.fieldsV1)].filter(
      (path) => now.has(path) && (isOwn || justApplied || appliedNow || !changed.has(path)),
    );
    if (justApplied) next.push({ ...entry, time: writer.time, fieldsV1: encodeFieldSet(kept) });
    else if (isOwn) own = { ...entry, fieldsV1: encodeFieldSet(kept) };
    else if (kept.length > 0) next.push({ ...entry, fieldsV1: encodeFieldSet(kept) });
  }
  // Fields that defaults added to an applied object have no owner.
  const mine = appliedNow ? new Set<string>() : changed;
  const paths = new Set([...(own === undefined ? [] : decodeFieldSet(own.fieldsV1)), ...mine]);
  if (paths.size > 0) {
    next.push({
      manager: writer.manager,
      operation: 'Update',
      apiVersion: apiVersionOf(kind),
      time: mine.size > 0 || own?.time === undefined ? writer.time : own.time,
      fieldsType: 'FieldsV1',
      fieldsV1: encodeFieldSet(paths),
      ...(writer.subresource === '' ? {} : { subresource: writer.subresource }),
    });
  }
  if (next.length > 0) draft.metadata.managedFields = next;
  else delete draft.metadata.managedFields;
}

/** Stands for the time in an entry that this request's apply has created. */
const APPLIED = 'applied-now';

export interface ApplyOptions {
  readonly manager: string;
  readonly force: boolean;
  readonly subresource: string;
}

/**
 * Server-side apply: lays the configuration over the live object, and removes the fields that the
 * same manager applied before and no longer wants, unless another manager owns them too.
 *
 * @throws {StatusError} 409 with one cause per field that another manager owns with another value
 * @see Kubernetes structured-merge-diff, merge/update.go
 */
export function applyConfiguration(
  kind: Kind,
  live: ApiObject | undefined,
  config: ApiObject,
  options: ApplyOptions,
): ApiObject {
  const type = mergeTypeOf(kind);
  const wanted = leavesOf(type, ownable(config));
  const entries = live?.metadata.managedFields ?? [];
  const isOwn = (entry: Entry): boolean =>
    entry.operation === 'Apply' &&
    entry.manager === options.manager &&
    (entry.subresource ?? '') === options.subresource;
  const others = entries.filter((entry) => !isOwn(entry));
  const have = live === undefined ? new Map<string, unknown>() : leavesOf(type, ownable(live));
  const differing = [...wanted]
    .filter(([path, value]) => have.has(path) && !sameLeaf(have.get(path), value))
    .map(([path]) => path);
  const conflicts = others.flatMap((entry) => {
    const owned = decodeFieldSet(entry.fieldsV1);
    return differing.filter((path) => owned.has(path)).map((path) => ({ entry, path }));
  });
  if (conflicts.length > 0 && !options.force) throw conflictError(conflicts);
  const merged = overlay(type, structuredClone((live ?? {}) as JsonObject), {
    ...config,
    metadata: { ...config.metadata, managedFields: undefined },
  });
  const mine = entries.filter(isOwn).flatMap((entry) => [...decodeFieldSet(entry.fieldsV1)]);
  const elsewhere = new Set(others.flatMap((entry) => [...decodeFieldSet(entry.fieldsV1)]));
  removeFields(
    merged,
    mine.filter((path) => !wanted.has(path) && !elsewhere.has(path)),
  );
  const taken = new Set(differing);
  const result = toApiObject(merged);
  result.metadata.managedFields = [
    ...others.map((entry) => {
      const kept = [...decodeFieldSet(entry.fieldsV1)].filter((path) => !taken.has(path));
      return { ...entry, fieldsV1: encodeFieldSet(kept) };
    }),
    {
      manager: options.manager,
      operation: 'Apply',
      apiVersion: config.apiVersion,
      time: APPLIED,
      fieldsType: 'FieldsV1',
      fieldsV1: encodeFieldSet(wanted.keys()),
      ...(options.subresource === '' ? {} : { subresource: options.subresource }),
    },
  ];
  return result;
}

function conflictError(
  conflicts: readonly Readonly<{ entry: Entry; path: string }>[],
): StatusError {
  const causes = conflicts.map(({ entry, path }) => ({
    reason: 'FieldManagerConflict',
    message: `conflict with "${entry.manager}"${entry.operation === 'Apply' ? '' : ` using ${entry.apiVersion}`}`,
    field: splitPath(path).map(shownStep).join(''),
  }));
  const lines = causes.map(({ message, field }) => `${message}: ${field}`);
  const plural = causes.length === 1 ? 'conflict' : 'conflicts';
  const message = `Apply failed with ${causes.length} ${plural}: ${lines.join('\n')}`;
  return new StatusError(409, 'Conflict', message, { details: { causes } });
}

/** `.spec.containers[name="web"].image` */
function shownStep(step: string): string {
  if (step.startsWith('f:')) return `.${step.slice(2)}`;
  if (step.startsWith('v:')) return `[=${step.slice(2)}]`;
  const keys = JSON.parse(step.slice(2)) as Record<string, unknown>;
  return `[${Object.entries(keys)
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .join(',')}]`;
}
