import { formatTimestamp, parseTimestamp } from '@nodeagent/base';

import { type ApiObject, textAt, valueAt } from '../model/object.js';
import { CLEANUP_FINALIZER } from './custom/definition-conditions.js';

const DEFINITION = 'CustomResourceDefinition';

export interface DeleteOptions {
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: 'Orphan' | 'Background' | 'Foreground';
  readonly preconditions?: Readonly<{ uid?: string; resourceVersion?: string }>;
}

export type DeletePlan =
  | Readonly<{ kind: 'remove'; why: string }>
  | Readonly<{ kind: 'mark'; object: ApiObject; why: string }>
  | Readonly<{ kind: 'nothing'; why: string }>;

/**
 * Plans a DELETE of an object: removes it, marks it as being deleted, or does nothing because it is
 * already being deleted sooner.
 *
 * Only pods have a grace period: their own or the option's, and 0 for pods without a node and for
 * finished ones. A later delete may shorten the period, never lengthen it.
 *
 * @see Kubernetes 1.36 apiserver pkg/registry/rest/delete.go, pkg/registry/core/pod/strategy.go
 */
export function planDeletion(object: ApiObject, options: DeleteOptions, nowMs: number): DeletePlan {
  const finalizers = finalizersAfter(object, options);
  const held = finalizers.length > 0 || hasNamespaceFinalizers(object);
  const graceSeconds = object.kind === 'Pod' ? podGraceSeconds(object, options) : 0;
  const { deletionTimestamp, deletionGracePeriodSeconds } = object.metadata;
  if (deletionTimestamp === undefined) {
    if (graceSeconds === 0 && !held) return { kind: 'remove', why: 'nothing holds it' };
    const why = graceSeconds > 0 ? 'grace period' : 'finalizers';
    return { kind: 'mark', object: marked(object, { graceSeconds, nowMs, finalizers }), why };
  }
  const before = deletionGracePeriodSeconds ?? 0;
  if (options.gracePeriodSeconds === undefined && before > 0 && graceSeconds > 0) {
    return { kind: 'nothing', why: 'being deleted already' };
  }
  if (graceSeconds === 0 && !held) return { kind: 'remove', why: 'grace period over' };
  if (graceSeconds >= before) return { kind: 'nothing', why: 'being deleted sooner already' };
  const askedMs = (parseTimestamp(deletionTimestamp) ?? nowMs) - before * 1_000;
  const shorter = marked(object, { graceSeconds, nowMs: askedMs, finalizers });
  return { kind: 'mark', object: shorter, why: 'shorter grace period' };
}

/** True when an update has removed the last thing that held a deleted object. */
export function isReleased({ metadata, ...rest }: ApiObject): boolean {
  return (
    metadata.deletionTimestamp !== undefined &&
    (metadata.deletionGracePeriodSeconds ?? 0) === 0 &&
    (metadata.finalizers ?? []).length === 0 &&
    !hasNamespaceFinalizers({ metadata, ...rest })
  );
}

function podGraceSeconds(pod: ApiObject, options: DeleteOptions): number {
  const asked =
    options.gracePeriodSeconds ?? valueAt(pod, 'spec.terminationGracePeriodSeconds') ?? 30;
  const phase = textAt(pod, 'status.phase');
  if (textAt(pod, 'spec.nodeName') === '' || phase === 'Failed' || phase === 'Succeeded') return 0;
  const seconds = Number(asked);
  return seconds < 0 ? 1 : seconds;
}

function finalizersAfter(object: ApiObject, options: DeleteOptions): readonly string[] {
  const kept = (object.metadata.finalizers ?? []).filter(
    (name) =>
      options.propagationPolicy === undefined ||
      (name !== 'orphan' && name !== 'foregroundDeletion'),
  );
  if (object.kind === DEFINITION && object.metadata.deletionTimestamp === undefined) {
    return [...new Set([...kept, CLEANUP_FINALIZER])];
  }
  if (options.propagationPolicy === 'Orphan') return [...kept, 'orphan'];
  if (options.propagationPolicy === 'Foreground') return [...kept, 'foregroundDeletion'];
  return kept;
}

function hasNamespaceFinalizers(object: ApiObject): boolean {
  const finalizers = valueAt(object, 'spec.finalizers');
  return object.kind === 'Namespace' && Array.isArray(finalizers) && finalizers.length > 0;
}

function marked(
  object: ApiObject,
  at: Readonly<{ graceSeconds: number; nowMs: number; finalizers: readonly string[] }>,
): ApiObject {
  const { generation, ...metadata } = object.metadata;
  const next: ApiObject = {
    ...object,
    metadata: {
      ...metadata,
      ...(generation === undefined ? {} : { generation: generation + 1 }),
      deletionTimestamp: formatTimestamp(at.nowMs + at.graceSeconds * 1_000),
      deletionGracePeriodSeconds: at.graceSeconds,
      ...(at.finalizers.length === 0 ? {} : { finalizers: [...at.finalizers] }),
    },
  };
  if (object.kind === 'Namespace') next.status = { ...object.status, phase: 'Terminating' };
  return next;
}
