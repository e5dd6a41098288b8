import type { Pod } from '@nodeagent/kube-client';

import { ManifestError } from '../../pod/index.js';
import { podType } from '../model/pod-types.js';
import { type Fields, isFields, NumberText, parseTree } from './manifest-tree.js';
import { type Problem, readTyped } from './typed-value.js';

/**
 * Larger files and responses are refused.
 *
 * @see Kubernetes 1.36 pkg/kubelet/config/common.go
 */
export const MANIFEST_LIMIT_BYTES = 10 * 1024 * 1024;

/**
 * Parses the pod of a manifest, YAML or JSON; only the first YAML document counts. The result has
 * only fields of Kubernetes 1.36's Pod; defaults are not filled in.
 *
 * @throws {ManifestError}
 */
export function parsePodManifest(text: string): Pod {
  const value = parseObject(text);
  if (kindOf(value) === 'v1 Pod') return podOf(value);
  throw new ManifestError(`holds ${kindOf(value)}, not v1 Pod`);
}

/**
 * Parses the pods of a manifest that is a Pod or a PodList.
 *
 * @throws {ManifestError} also if any item of the list is not a pod
 */
export function parsePodManifests(text: string): readonly Pod[] {
  const value = parseObject(text);
  const kind = kindOf(value);
  if (kind === 'v1 Pod') return [podOf(value)];
  if (kind !== 'v1 PodList') throw new ManifestError(`holds ${kind}, neither v1 Pod nor PodList`);
  const { items = [] } = value;
  if (!Array.isArray(items)) throw new ManifestError('items: expected array');
  return items.map((item) => {
    if (isFields(item)) return podOf(item);
    throw new ManifestError('the list contains an item that is not an object');
  });
}

function parseObject(text: string): Fields {
  const value = parseTree(text);
  if (isFields(value)) return value;
  throw new ManifestError(value === undefined || value === null ? 'is empty' : 'is not an object');
}

function podOf(value: Fields): Pod {
  const problems: Problem[] = [];
  const pod = readTyped(podType(), value, problems) as Pod;
  if (problems.length > 0) throw new ManifestError(problems.join('; '));
  return { apiVersion: 'v1', kind: 'Pod', ...pod };
}

function kindOf({ apiVersion, kind }: Fields): string {
  return `${wordOf(apiVersion, 'apiVersion')} ${wordOf(kind, 'kind')}`;
}

function wordOf(value: unknown, name: string): string {
  if (value === undefined || value === null) return `no ${name}`;
  if (value instanceof NumberText) return value.text;
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean' || typeof value === 'number') return String(value);
  throw new ManifestError(`${name}: expected string`);
}
