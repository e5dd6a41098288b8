import { parseQuantity, quantityToUnits } from '@nodeagent/base';
import type { Pod } from '@nodeagent/kube-client';

import { allContainers } from '../../pod/index.js';
import { podCgroupValues } from '../../resources/index.js';
import { VolumeError } from '../model/errors.js';

/** The storage of an emptyDir. */
export type EmptyDirMedium =
  | Readonly<{ kind: 'disk' }>
  | Readonly<{ kind: 'tmpfs'; sizeBytes?: number }>
  | Readonly<{ kind: 'hugepages'; pageBytes: number }>;

const HUGE_PAGES = 'HugePages';
const RESOURCE = 'hugepages-';

/**
 * @param nodeMemoryBytes allocatable memory of the node; undefined if unknown
 * @throws {VolumeError} `VOLUME_UNSUPPORTED` for an unknown medium, `VOLUME_SOURCE` for huge pages
 *   of a size that the pod does not request
 * @see Kubernetes 1.36 pkg/volume/emptydir/empty_dir.go
 */
export function emptyDirMedium(
  pod: Pod,
  { name, emptyDir }: Readonly<{ name: string; emptyDir: { medium?: string; sizeLimit?: string } }>,
  nodeMemoryBytes: number | undefined,
): EmptyDirMedium {
  const { medium = '', sizeLimit } = emptyDir;
  if (medium === '') return { kind: 'disk' };
  if (medium === 'Memory') return tmpfsMedium(pod, sizeLimit, nodeMemoryBytes);
  if (medium !== HUGE_PAGES && !medium.startsWith(`${HUGE_PAGES}-`)) {
    const text = `volume "${name}": medium ${medium} is not supported`;
    throw new VolumeError('VOLUME_UNSUPPORTED', text);
  }
  return { kind: 'hugepages', pageBytes: pageBytes(pod, medium) };
}

/**
 * A file system in memory. Its size is the smallest of the volume's limit, the pod's memory limit
 * and the node's allocatable memory; without any of them it is half of the machine's memory, the
 * kernel's default.
 */
export function tmpfsMedium(
  pod: Pod,
  sizeLimit: string | undefined,
  nodeMemoryBytes: number | undefined,
): Extract<EmptyDirMedium, { kind: 'tmpfs' }> {
  const limits = [bytes(sizeLimit), podMemoryLimit(pod), nodeMemoryBytes].filter(
    (limit): limit is number => limit !== undefined && limit > 0,
  );
  return { kind: 'tmpfs', ...(limits.length > 0 && { sizeBytes: Math.min(...limits) }) };
}

/** The same limit as that of the pod's cgroup. */
function podMemoryLimit(pod: Pod): number | undefined {
  const rules = { cpuCfsQuota: false, cpuPeriodUs: 100_000, podPidsLimit: -1 };
  return podCgroupValues(pod, rules).memoryLimitBytes;
}

function pageBytes(pod: Pod, medium: string): number {
  const asked = new Set(
    allContainers(pod).flatMap(({ spec }) =>
      Object.keys({ ...spec.resources?.limits, ...spec.resources?.requests })
        .filter((name) => name.startsWith(RESOURCE))
        .map((name) => bytes(name.slice(RESOURCE.length)) ?? 0),
    ),
  );
  if (medium !== HUGE_PAGES) {
    const wanted = bytes(medium.slice(HUGE_PAGES.length + 1));
    if (wanted !== undefined && asked.has(wanted)) return wanted;
    throw refuse(`medium ${medium}: no container of the pod requests huge pages of this size`);
  }
  const [only] = asked;
  if (only === undefined) throw refuse(`medium ${medium}: no container requests huge pages`);
  if (asked.size === 1) return only;
  throw refuse(`medium ${medium} can't be used if containers request multiple huge page sizes`);
}

function bytes(text: string | undefined): number | undefined {
  const quantity = text === undefined ? undefined : parseQuantity(text);
  return quantity === undefined ? undefined : quantityToUnits(quantity);
}

function refuse(message: string): VolumeError {
  return new VolumeError('VOLUME_SOURCE', message);
}
