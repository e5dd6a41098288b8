/**
 * The reason why a pod is stopped for good. `deleted`: through the API; `removed`: its source no
 * longer has it; `completed`: nothing of it will run again; the others: the kubelet's own decision.
 */
export type StopReason =
  'deleted' | 'removed' | 'completed' | 'rejected' | 'deadline-exceeded' | 'evicted';

/**
 * The life of a pod on this node. `syncing`: containers are started and kept running.
 * `terminating`: everything is being stopped. `terminated`: nothing runs; files are being cleaned
 * up. `finished`: no work is left, and its API object may be removed.
 */
export type PodLife =
  | Readonly<{ kind: 'syncing' }>
  | Readonly<{ kind: 'terminating'; graceSeconds: number; reason: StopReason }>
  | Readonly<{ kind: 'terminated'; reason: StopReason }>
  | Readonly<{ kind: 'finished'; reason: StopReason }>;

export type PodLifeEvent =
  /** `graceSeconds` is at least 1. */
  | Readonly<{ kind: 'stop'; graceSeconds: number; reason: StopReason }>
  | Readonly<{ kind: 'all-stopped' }>
  | Readonly<{ kind: 'cleaned-up' }>;

export const NEW_LIFE: PodLife = { kind: 'syncing' };

/** The allowed transitions: no step is undone or skipped. */
export const LIFE_EDGES = {
  syncing: { stop: 'terminating' },
  terminating: { stop: 'terminating', 'all-stopped': 'terminated' },
  terminated: { 'cleaned-up': 'finished' },
  finished: {},
} as const satisfies Readonly<
  Record<PodLife['kind'], Partial<Record<PodLifeEvent['kind'], PodLife['kind']>>>
>;

/**
 * Follows {@link LIFE_EDGES}; a grace period can only shrink. Events that do not fit are ignored.
 */
export function nextLife(life: PodLife, event: PodLifeEvent): PodLife {
  const edges: Partial<Record<PodLifeEvent['kind'], PodLife['kind']>> = LIFE_EDGES[life.kind];
  const to = edges[event.kind];
  if (to === undefined) return life;
  if (event.kind !== 'stop') return { kind: to, reason: reasonOf(life) } as PodLife;
  if (life.kind !== 'terminating') {
    return { kind: 'terminating', graceSeconds: event.graceSeconds, reason: event.reason };
  }
  return event.graceSeconds < life.graceSeconds
    ? { ...life, graceSeconds: event.graceSeconds }
    : life;
}

function reasonOf(life: PodLife): StopReason {
  return life.kind === 'syncing' ? 'completed' : life.reason;
}
