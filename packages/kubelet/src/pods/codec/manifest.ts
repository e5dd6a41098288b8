import type { Pod } from '@nodeagent/kube-client';
import { parseAllDocuments } from 'yaml';

import { ManifestError } from '../model/errors.js';
import { shapedList, shapedPod } from './manifest-shape.js';

/** Files and answers that are larger are refused. @see Kubernetes 1.36 pkg/kubelet/config/common.go */
export const MANIFEST_LIMIT_BYTES = 10 * 1024 * 1024;

/**
 * The pod of a manifest, YAML or JSON; of several YAML documents the first.
 *
 * @throws {ManifestError}
 */
export function parsePodManifest(text: string): Pod {
  const value = parseObject(text);
  if (kindOf(value) === 'v1 Pod') return podOf(value);
  throw new ManifestError(`holds ${kindOf(value)}, not v1 Pod`);
}

/**
 * The pods of a manifest that is a Pod or a PodList.
 *
 * @throws {ManifestError} also when one of the list is no pod
 */
export function parsePodManifests(text: string): readonly Pod[] {
  const value = parseObject(text);
  const kind = kindOf(value);
  if (kind === 'v1 Pod') return [podOf(value)];
  if (kind !== 'v1 PodList') throw new ManifestError(`holds ${kind}, neither v1 Pod nor PodList`);
  const items = shapedList(value);
  if (!items.ok) throw new ManifestError(items.problem);
  return items.value.map((item) => {
    if (isObject(item)) return podOf(item);
    throw new ManifestError('the list holds something that is no object');
  });
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  // A key given twice is forgiven, as upstream's decoder does.
  const documents = parseAllDocuments(text, { uniqueKeys: false });
  const first = 'empty' in documents ? undefined : documents[0];
  const [error] = first?.errors ?? [];
  if (error !== undefined) throw new ManifestError(error.message.split('\n')[0] ?? error.message);
  const value: unknown = first?.toJS();
  if (isObject(value)) return value;
  throw new ManifestError(value === undefined || value === null ? 'is empty' : 'is no object');
}

function podOf(value: object): Pod {
  const pod = shapedPod(value);
  if (pod.ok) return { ...pod.value, apiVersion: 'v1', kind: 'Pod' };
  throw new ManifestError(pod.problem);
}

function kindOf({ apiVersion, kind }: Readonly<Record<string, unknown>>): string {
  return `${String(apiVersion ?? 'no apiVersion')} ${String(kind ?? 'no kind')}`;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
