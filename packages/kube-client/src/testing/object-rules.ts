import { formatTimestamp } from '@nodeagent/base';

import type { Resource } from '../model/resource.js';
import type { DeleteOptions } from '../ports.js';
import { isObject, type Json } from './patch.js';

/**
 * Kinds whose status can be written only through its own subresource. Persistent volumes, their claims
 * and attachments are not among them: a test may create them with their status.
 */
const WITH_STATUS: ReadonlySet<string> = new Set([
  'pods',
  'nodes',
  'services',
  'namespaces',
  'replicationcontrollers',
  'resourcequotas',
  'apiservices',
  'certificatesigningrequests',
  'cronjobs',
  'customresourcedefinitions',
  'daemonsets',
  'deployments',
  'devicetaintrules',
  'flowschemas',
  'horizontalpodautoscalers',
  'ingresses',
  'jobs',
  'podcertificaterequests',
  'poddisruptionbudgets',
  'podgroups',
  'prioritylevelconfigurations',
  'replicasets',
  'resourceclaims',
  'resourcepoolstatusrequests',
  'servicecidrs',
  'statefulsets',
  'storageversionmigrations',
  'storageversions',
  'validatingadmissionpolicies',
]);
/** Kinds that the API server creates with a phase. */
const FIRST_PHASE: Readonly<Record<string, string>> = { pods: 'Pending', namespaces: 'Active' };
const DEFAULT_GRACE_SECONDS = 30;
/** Fields that only the server writes. */
const SERVER_OWNED = [
  'name',
  'namespace',
  'uid',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'generation',
] as const;

export interface CreationStamp {
  readonly name: string;
  readonly uid: string;
  readonly nowMs: number;
}

export function created(
  { plural, group, version, kind }: Resource<unknown>,
  object: Json,
  { name, uid, nowMs }: CreationStamp,
): Json {
  const phase = FIRST_PHASE[plural];
  const { status: sent, ...rest } = object;
  const status = WITH_STATUS.has(plural) ? (phase === undefined ? undefined : { phase }) : sent;
  const metadata: Json = { ...part(object, 'metadata'), name, uid };
  metadata['creationTimestamp'] = formatTimestamp(nowMs);
  if (object['spec'] !== undefined) metadata['generation'] = 1;
  const apiVersion = group === '' ? version : `${group}/${version}`;
  const whole: Json = { ...rest, apiVersion, kind, metadata };
  if (status !== undefined) whole['status'] = status;
  if (plural !== 'namespaces') return whole;
  return { ...whole, spec: { finalizers: ['kubernetes'], ...part(object, 'spec') } };
}

export interface Update {
  readonly before: Json;
  readonly asked: Json;
  readonly subresource: string | undefined;
}

/** Returns the object after a write through the main resource or a subresource. */
export function updated(
  { plural }: Resource<unknown>,
  { before, asked, subresource }: Update,
): Json {
  const metadata: Json = { ...part(asked, 'metadata') };
  const owned = part(before, 'metadata');
  for (const field of [...SERVER_OWNED, 'resourceVersion']) {
    Reflect.deleteProperty(metadata, field);
    if (owned[field] !== undefined) metadata[field] = owned[field];
  }
  const after: Json = { ...asked, apiVersion: before['apiVersion'], kind: before['kind'] };
  if (subresource === 'status') keep(after, before, 'spec');
  else if (WITH_STATUS.has(plural)) keep(after, before, 'status');
  if (JSON.stringify(after['spec']) !== JSON.stringify(before['spec'])) {
    metadata['generation'] = Number(owned['generation'] ?? 0) + 1;
  }
  return sameOrder({ ...after, metadata: sameOrder(metadata, owned) }, before);
}

/** Reports whether a write has removed the last obstacle to a deletion. */
export function mayRemove({ plural }: Resource<unknown>, object: Json): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds } = part(object, 'metadata');
  if (deletionTimestamp === undefined || held(plural, object)) return false;
  return deletionGracePeriodSeconds === undefined || deletionGracePeriodSeconds === 0;
}

/** Returns the object after a DELETE; undefined when it no longer exists. */
export function afterDelete(
  { plural }: Resource<unknown>,
  object: Json,
  { gracePeriodSeconds }: DeleteOptions,
  nowMs: number,
): Json | undefined {
  const graceSeconds = graceOf(plural, object, gracePeriodSeconds);
  if (graceSeconds === 0 && !held(plural, object)) return undefined;
  const metadata = part(object, 'metadata');
  const earlier = metadata['deletionGracePeriodSeconds'];
  if (typeof earlier === 'number' && earlier <= graceSeconds) return object;
  const deletion = {
    deletionTimestamp: formatTimestamp(nowMs + graceSeconds * 1000),
    deletionGracePeriodSeconds: graceSeconds,
  };
  const after: Json = { ...object, metadata: { ...metadata, ...deletion } };
  if (plural === 'namespaces')
    after['status'] = { ...part(object, 'status'), phase: 'Terminating' };
  return after;
}

/** @see Kubernetes 1.36 pkg/registry/core/pod/strategy.go, CheckGracefulDelete */
function graceOf(plural: string, object: Json, asked: number | undefined): number {
  if (plural !== 'pods') return 0;
  const { nodeName, terminationGracePeriodSeconds } = part(object, 'spec');
  const { phase } = part(object, 'status');
  if (nodeName === undefined || nodeName === '') return 0;
  if (phase === 'Succeeded' || phase === 'Failed') return 0;
  return asked ?? Number(terminationGracePeriodSeconds ?? DEFAULT_GRACE_SECONDS);
}

function held(plural: string, object: Json): boolean {
  const lists = [part(object, 'metadata')['finalizers']];
  if (plural === 'namespaces') lists.push(part(object, 'spec')['finalizers']);
  return lists.some((list) => Array.isArray(list) && list.length > 0);
}

function keep(after: Json, before: Json, field: string): void {
  Reflect.deleteProperty(after, field);
  if (before[field] !== undefined) after[field] = before[field];
}

/** Puts the members of `like` first, so that equal objects have equal text. */
function sameOrder(object: Json, like: Json): Json {
  const known = Object.keys(like).filter((key) => Object.hasOwn(object, key));
  const order = [...known, ...Object.keys(object).filter((key) => !known.includes(key))];
  return Object.fromEntries(order.map((key) => [key, object[key]]));
}

function part(object: Json, name: string): Json {
  const value = object[name];
  return isObject(value) ? value : {};
}
