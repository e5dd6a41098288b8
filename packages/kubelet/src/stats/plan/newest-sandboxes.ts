import type { Container, ContainerStats, Sandbox } from '@nodeagent/cri-client';

import type { ReportedContainer } from '../model/measurement.js';

export interface ListedSandbox {
  readonly id: string;
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly startedAtMs: number;
}

export interface ListedContainer {
  readonly id: string;
  readonly name: string;
  readonly image: string;
  readonly startedAtMs: number;
}

/** The newest sandbox of each pod by namespace and name; sandboxes without pod are left out. */
export function newestSandboxes(sandboxes: readonly Sandbox[]): readonly ListedSandbox[] {
  const newest = new Map<string, ListedSandbox>();
  for (const { id, metadata, createdAtMs: startedAtMs } of sandboxes) {
    if (metadata === undefined || metadata.uid === '') continue;
    const { name, namespace, uid } = metadata;
    const key = `${namespace}/${name}`;
    const known = newest.get(key);
    if (known === undefined || known.startedAtMs < startedAtMs) {
      newest.set(key, { id, name, namespace, uid, startedAtMs });
    }
  }
  return [...newest.values()];
}

/** For each sandbox, the newest container of each name. */
export function containersBySandbox(
  containers: readonly Container[],
): ReadonlyMap<string, readonly ListedContainer[]> {
  const found = new Map<string, ListedContainer[]>();
  for (const container of containers) {
    const { id, sandboxId, metadata, image, imageRef, createdAtMs: startedAtMs } = container;
    const listed = {
      ...{ id, startedAtMs },
      name: metadata?.name ?? '',
      image: image?.userSpecifiedImage ?? image?.image ?? imageRef,
    };
    const others = found.get(sandboxId) ?? [];
    const at = others.findIndex(({ name }) => name === listed.name);
    const other = others[at];
    if (other === undefined) others.push(listed);
    else if (other.startedAtMs < startedAtMs) others[at] = listed;
    found.set(sandboxId, others);
  }
  return found;
}

/** Drops labels and annotations, which are the largest part. */
export function figuresOnly(stats: readonly ContainerStats[]): readonly ReportedContainer[] {
  return stats.map(({ id, cpu, memory, swap, writableLayer }) => {
    return { id, cpu, memory, swap, writableLayer };
  });
}
