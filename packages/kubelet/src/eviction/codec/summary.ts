import { parseTimestamp } from '@nodeagent/base';

import type { Signal } from '../model/signal.js';
import type {
  ContainerUse,
  DiskLayout,
  DiskUse,
  NodeFigures,
  Observation,
  PodFigures,
  VolumeUse,
} from '../model/snapshot.js';

/** A recorded node: the figures of `/stats/summary`. */
export interface RecordedNode {
  readonly figures: NodeFigures;
  /** Guessed: a summary names no devices. */
  readonly layout: DiskLayout;
  /** By uid. */
  readonly pods: ReadonlyMap<string, PodFigures>;
}

type Json = Readonly<Record<string, unknown>>;

/**
 * Reads a document of `/stats/summary`. Members that are missing or of another type count as
 * unknown.
 *
 * @throws {TypeError} if it is no such document
 * @see Kubernetes 1.36 staging/src/k8s.io/kubelet/pkg/apis/stats/v1alpha1/types.go
 */
export function parseSummary(document: unknown): RecordedNode {
  const whole = objectOf(document);
  const node = objectOf(whole?.['node']);
  if (whole === undefined || node === undefined) {
    throw new TypeError('it has no member node: it is not a document of /stats/summary');
  }
  const runtime = objectOf(node['runtime']);
  const [nodeFs, imageFs, containerFs] = [
    node['fs'],
    runtime?.['imageFs'],
    runtime?.['containerFs'],
  ];
  const found: (readonly [Signal, Observation | undefined])[] = [
    ['memory.available', memoryOf(node['memory'])],
    ['allocatableMemory.available', memoryOf(podsContainer(node)?.['memory'])],
    ['nodefs.available', bytesOf(nodeFs)],
    ['nodefs.inodesFree', inodesOf(nodeFs)],
    ['imagefs.available', bytesOf(imageFs)],
    ['imagefs.inodesFree', inodesOf(imageFs)],
    ['containerfs.available', bytesOf(containerFs)],
    ['containerfs.inodesFree', inodesOf(containerFs)],
    ['pid.available', processesOf(node['rlimit'])],
  ];
  return {
    figures: new Map(
      found.flatMap(([signal, seen]) => (seen === undefined ? [] : [[signal, seen]])),
    ),
    layout: layoutOf(nodeFs, imageFs, containerFs ?? imageFs),
    pods: new Map(listOf(whole['pods']).flatMap(podOf)),
  };
}

function podsContainer(node: Json): Json | undefined {
  return listOf(node['systemContainers']).find(({ name }) => name === 'pods');
}

function podOf(pod: Json): readonly (readonly [string, PodFigures])[] {
  const uid = objectOf(pod['podRef'])?.['uid'];
  if (typeof uid !== 'string') return [];
  const containers = listOf(pod['containers']).flatMap((each): ContainerUse[] => {
    const { name } = each;
    if (typeof name !== 'string') return [];
    const memoryBytes = numberOf(objectOf(each['memory'])?.['workingSetBytes']);
    return [{ name, memoryBytes, rootfs: usedOf(each['rootfs']), logs: usedOf(each['logs']) }];
  });
  const volumes = listOf(pod['volume']).flatMap((each): VolumeUse[] => {
    const used = usedOf(each);
    return used === undefined || typeof each['name'] !== 'string'
      ? []
      : [{ ...used, name: each['name'] }];
  });
  const figures: PodFigures = {
    ...{ containers, volumes },
    memoryBytes: numberOf(objectOf(pod['memory'])?.['workingSetBytes']),
    processes: numberOf(objectOf(pod['process_stats'])?.['process_count']),
    ephemeralBytes: usedOf(pod['ephemeral-storage'])?.bytes,
  };
  return [[uid, figures]];
}

/** Two file systems of equal size and free space are taken for one. */
function layoutOf(nodeFs: unknown, imageFs: unknown, containerFs: unknown): DiskLayout {
  const isSame = (one: unknown, other: unknown): boolean =>
    ['capacityBytes', 'availableBytes', 'inodes'].every(
      (name) => objectOf(one)?.[name] === objectOf(other)?.[name],
    );
  if (imageFs === undefined || isSame(nodeFs, imageFs)) return 'one';
  return isSame(imageFs, containerFs) ? 'dedicated' : 'split';
}

function memoryOf(value: unknown): Observation | undefined {
  const memory = objectOf(value);
  const [available, used] = [memory?.['availableBytes'], memory?.['workingSetBytes']].map(numberOf);
  if (available === undefined || used === undefined) return undefined;
  return { available, capacity: available + used, atMs: timeOf(memory) };
}

function bytesOf(value: unknown): Observation | undefined {
  return observationOf(value, 'availableBytes', 'capacityBytes');
}

function inodesOf(value: unknown): Observation | undefined {
  return observationOf(value, 'inodesFree', 'inodes');
}

function observationOf(value: unknown, left: string, whole: string): Observation | undefined {
  const fs = objectOf(value);
  const [available, capacity] = [numberOf(fs?.[left]), numberOf(fs?.[whole])];
  if (available === undefined || capacity === undefined) return undefined;
  return { available, capacity, atMs: timeOf(fs) };
}

function processesOf(value: unknown): Observation | undefined {
  const limits = objectOf(value);
  const [max, now] = [numberOf(limits?.['maxpid']), numberOf(limits?.['curproc'])];
  if (max === undefined || now === undefined) return undefined;
  return { available: max - now, capacity: max, atMs: timeOf(limits) };
}

function usedOf(value: unknown): DiskUse | undefined {
  const fs = objectOf(value);
  const bytes = numberOf(fs?.['usedBytes']);
  return bytes === undefined ? undefined : { bytes, inodes: numberOf(fs?.['inodesUsed']) ?? 0 };
}

function timeOf(value: Json | undefined): number | undefined {
  const time = value?.['time'];
  return typeof time === 'string' ? parseTimestamp(time) : undefined;
}

const objectOf = (value: unknown): Json | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Json)
    : undefined;
const listOf = (value: unknown): readonly Json[] =>
  Array.isArray(value)
    ? value.flatMap((each: unknown): readonly Json[] => {
        const found = objectOf(each);
        return found === undefined ? [] : [found];
      })
    : [];
const numberOf = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isFinite(value) ? value : undefined;
