import { formatTimestamp } from '@nodeagent/base';

import { type ApiObject, type JsonObject, listAt } from '../../model/object.js';
import { definitionOf, isEstablished, type Names } from './definition.js';

/** Holds a definition until its objects are gone. */
export const CLEANUP_FINALIZER = 'customresourcecleanup.apiextensions.k8s.io';

interface Condition {
  readonly type: 'NamesAccepted' | 'Established' | 'Terminating';
  readonly status: 'True' | 'False';
  readonly reason: string;
  readonly message: string;
}

/**
 * Accepts the names of a definition unless another one of its group has them already, and
 * establishes it.
 *
 * @returns the definition's next status
 * @see Kubernetes 1.36 apiextensions-apiserver pkg/controller/status/naming_controller.go
 */
export function acceptNames(
  object: ApiObject,
  others: readonly ApiObject[],
  nowMs: number,
): JsonObject {
  const { spec } = definitionOf(object);
  const taken = others
    .map(definitionOf)
    .filter((other) => other.spec.group === spec.group)
    .map((other) => other.spec.names);
  const conflict = conflictOf(spec.names, taken);
  const established = isEstablished(object);
  if (conflict !== undefined) {
    const why = 'not all names are accepted';
    const refused: Condition = { type: 'NamesAccepted', status: 'False', ...conflict };
    const next = withCondition(object, refused, nowMs);
    if (established) return next;
    return withCondition(
      { ...object, status: next },
      { type: 'Established', status: 'False', reason: 'NotAccepted', message: why },
      nowMs,
    );
  }
  const accepted: Condition = {
    type: 'NamesAccepted',
    status: 'True',
    reason: 'NoConflicts',
    message: 'no conflicts found',
  };
  const status = { ...withCondition(object, accepted, nowMs), acceptedNames: spec.names };
  return withCondition(
    { ...object, status },
    {
      type: 'Established',
      status: 'True',
      reason: 'InitialNamesAccepted',
      message: 'the initial names have been accepted',
    },
    nowMs,
  );
}

function conflictOf(
  names: Names,
  taken: readonly Names[],
): Readonly<{ reason: string; message: string }> | undefined {
  const resources = taken.flatMap(({ plural, singular, shortNames = [] }) => [
    plural,
    singular,
    ...shortNames,
  ]);
  const kinds = taken.flatMap(({ kind, listKind }) => [kind, listKind]);
  const asked: readonly (readonly [string, string | undefined, readonly unknown[]])[] = [
    ['PluralConflict', names.plural, resources],
    ['SingularConflict', names.singular, resources],
    ...(names.shortNames ?? []).map((name) => ['ShortNamesConflict', name, resources] as const),
    ['KindConflict', names.kind, kinds],
    ['ListKindConflict', names.listKind, kinds],
  ];
  const found = asked.find(([, name, used]) => used.includes(name));
  if (found === undefined) return undefined;
  return { reason: found[0], message: `"${found[1]}" is already in use` };
}

/** @see Kubernetes 1.36 apiextensions-apiserver pkg/controller/finalizer/crd_finalizer.go */
export function terminating(object: ApiObject, left: number, nowMs: number): JsonObject {
  const condition: Condition =
    left > 0
      ? {
          type: 'Terminating',
          status: 'True',
          reason: 'InstanceDeletionInProgress',
          message: 'CustomResource deletion is in progress',
        }
      : {
          type: 'Terminating',
          status: 'False',
          reason: 'InstanceDeletionCompleted',
          message: 'removed all instances',
        };
  return withCondition(object, condition, nowMs);
}

/** Returns the status with this condition; its time changes with its status only. */
function withCondition(object: ApiObject, condition: Condition, nowMs: number): JsonObject {
  const conditions = listAt(object, 'status.conditions');
  const old = conditions.find(({ type }) => type === condition.type);
  const lastTransitionTime =
    old?.['status'] === condition.status ? old['lastTransitionTime'] : formatTimestamp(nowMs);
  const next = { lastTransitionTime, ...condition };
  const others = conditions.filter((one) => one !== old);
  return { ...object.status, conditions: [...others, next] };
}
