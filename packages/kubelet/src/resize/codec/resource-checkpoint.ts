import { CheckpointError, fnv1a32, type PodAllocation, type Resources } from '../../pod/index.js';

/** By pod uid. */
export type Allocations = ReadonlyMap<string, PodAllocation>;

/** `null` is Go's encoding of an empty map. */
interface Entry {
  readonly ContainerResources?: Readonly<Record<string, Resources>> | null;
  readonly PodLevelResources?: Resources | null;
}

/**
 * Encodes the pods' allocations in the format of other kubelets: JSON within JSON, with a checksum
 * over the inner text. Containers therefore keep their resources when one kubelet replaces another.
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
 * @param path file name for the message
 * @throws {CheckpointError} `POD_CHECKPOINT_CORRUPT`
 */
export function parseAllocations(text: string, path: string): Allocations {
  try {
    const { data, checksum } = fieldsOf(JSON.parse(text), 'the file');
    if (typeof data !== 'string') throw new TypeError('it has no field `data`');
    if (checksum !== checksumOf(data)) throw new TypeError('checkpoint is corrupted');
    const { entries } = fieldsOf(JSON.parse(data), 'data');
    return new Map(
      Object.entries(fieldsOf(entries ?? {}, 'entries')).map(([uid, entry]) => {
        const { ContainerResources, PodLevelResources } = fieldsOf(entry, uid);
        const pod = PodLevelResources ?? undefined;
        const containers = Object.entries(fieldsOf(ContainerResources ?? {}, uid)).map(
          ([name, resources]) => [name, resourcesOf(resources, `${uid}, ${name}`)] as const,
        );
        const allocation: PodAllocation = {
          containers: Object.fromEntries(containers),
          ...(pod !== undefined && { pod: resourcesOf(pod, uid) }),
        };
        return [uid, allocation];
      }),
    );
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new CheckpointError(path, why, { cause });
  }
}

function fieldsOf(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Readonly<Record<string, unknown>>;
  }
  throw new TypeError(`${what} is not an object`);
}

/**
 * Checks the parts that the planner relies on: amounts are strings. Other members are kept
 * unchanged.
 */
function resourcesOf(value: unknown, what: string): Resources {
  const { requests, limits, ...others } = fieldsOf(value, what);
  const known = Object.entries({ requests, limits }).filter(
    ([, amounts]) => (amounts ?? undefined) !== undefined,
  );
  for (const [kind, amounts] of known) {
    for (const [name, amount] of Object.entries(fieldsOf(amounts, `${what}: ${kind}`))) {
      if (typeof amount !== 'string')
        throw new TypeError(`${what}: ${kind}.${name} is not a string`);
    }
  }
  return { ...others, ...Object.fromEntries(known) };
}

/**
 * The checksum of the text as Go's deep printer prints it.
 *
 * @see Kubernetes 1.36 pkg/kubelet/checkpointmanager/checksum
 */
function checksumOf(data: string): number {
  return fnv1a32(`(string)${data}`);
}
