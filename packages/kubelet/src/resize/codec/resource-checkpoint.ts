import { CheckpointError, fnv1a32, type PodAllocation, type Resources } from '../../pod/index.js';

/** By pod uid. */
export type Allocations = ReadonlyMap<string, PodAllocation>;

interface Entry {
  readonly ContainerResources?: Readonly<Record<string, Resources>>;
  readonly PodLevelResources?: Resources | null;
}

/**
 * What pods were given, as other kubelets write it down: JSON within JSON, and a checksum over the
 * inner one, so that containers keep what they have when the agent is exchanged.
 *
 * @see Kubernetes 1.36 pkg/kubelet/allocation/state/checkpoint.go
 */
export function renderAllocations(allocations: Allocations): string {
  const entries: Record<string, Entry> = {};
  for (const uid of [...allocations.keys()].sort()) {
    const { containers = {}, pod = null } = allocations.get(uid) ?? {};
    entries[uid] = { ContainerResources: containers, PodLevelResources: pod };
  }
  const data = JSON.stringify(allocations.size > 0 ? { entries } : {});
  return JSON.stringify({ data, checksum: checksumOf(data) });
}

/**
 * @param path for the message
 * @throws {CheckpointError} `POD_CHECKPOINT_CORRUPT`
 */
export function parseAllocations(text: string, path: string): Allocations {
  try {
    const { data, checksum } = JSON.parse(text) as Readonly<Record<string, unknown>>;
    if (typeof data !== 'string') throw new TypeError('it holds no data');
    if (checksum !== checksumOf(data)) throw new TypeError('checkpoint is corrupted');
    const { entries = {} } = JSON.parse(data) as { entries?: Readonly<Record<string, Entry>> };
    return new Map(
      Object.entries(entries).map(([uid, { ContainerResources, PodLevelResources }]) => [
        uid,
        {
          containers: ContainerResources ?? {},
          ...(PodLevelResources && { pod: PodLevelResources }),
        },
      ]),
    );
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new CheckpointError(path, why, { cause });
  }
}

/** Over the text as Go's deep printer shows it. @see Kubernetes 1.36 pkg/kubelet/checkpointmanager/checksum */
function checksumOf(data: string): number {
  return fnv1a32(`(string)${data}`);
}
