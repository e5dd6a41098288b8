import { formatTimestamp } from '@nodeagent/base';
import type { NodeCondition } from '@nodeagent/kube-client';

import type { Pressure } from '../model/facts.js';

/** Reasons and messages of a pressure condition. */
interface PressureWords {
  readonly type: string;
  readonly key: keyof Pressure;
  readonly high: readonly [reason: string, message: string];
  readonly low: readonly [reason: string, message: string];
  /** Reasons of the events for a change. */
  readonly events: readonly [high: string, low: string];
}

/** @see Kubernetes 1.36 pkg/kubelet/nodestatus/setters.go */
const PRESSURES: readonly PressureWords[] = [
  {
    type: 'MemoryPressure',
    key: 'memory',
    high: ['KubeletHasInsufficientMemory', 'kubelet has insufficient memory available'],
    low: ['KubeletHasSufficientMemory', 'kubelet has sufficient memory available'],
    events: ['NodeHasInsufficientMemory', 'NodeHasSufficientMemory'],
  },
  {
    type: 'DiskPressure',
    key: 'disk',
    high: ['KubeletHasDiskPressure', 'kubelet has disk pressure'],
    low: ['KubeletHasNoDiskPressure', 'kubelet has no disk pressure'],
    events: ['NodeHasDiskPressure', 'NodeHasNoDiskPressure'],
  },
  {
    type: 'PIDPressure',
    key: 'pid',
    high: ['KubeletHasInsufficientPID', 'kubelet has insufficient PID available'],
    low: ['KubeletHasSufficientPID', 'kubelet has sufficient PID available'],
    events: ['NodeHasInsufficientPID', 'NodeHasSufficientPID'],
  },
];

/** All conditions of the node, with the events of those that changed. */
export interface PlannedConditions {
  readonly conditions: readonly NodeCondition[];
  /** Reasons of the events to report. */
  readonly events: readonly string[];
}

/**
 * Computes the pressure conditions and Ready; conditions of other writers stay. Only a change of
 * the status is a transition; the heartbeat always moves.
 *
 * @param problems the reasons why the node is not ready; empty when it is
 */
export function planConditions(
  previous: readonly NodeCondition[],
  { pressure, problems }: Readonly<{ pressure: Pressure; problems: readonly string[] }>,
  nowMs: number,
): PlannedConditions {
  const conditions = [...previous];
  const events: string[] = [];
  const put = (next: Pick<NodeCondition, 'type' | 'status' | 'reason' | 'message'>): boolean => {
    const index = conditions.findIndex(({ type }) => type === next.type);
    const before = conditions[index];
    const now = formatTimestamp(nowMs);
    const flipped = before?.status !== next.status;
    const lastTransitionTime = flipped ? now : (before.lastTransitionTime ?? now);
    const whole = { ...next, lastHeartbeatTime: now, lastTransitionTime } as NodeCondition;
    conditions.splice(index < 0 ? conditions.length : index, index < 0 ? 0 : 1, whole);
    return flipped;
  };
  for (const { type, key, high, low, events: reasons } of PRESSURES) {
    const pressed = pressure[key];
    const [reason, message] = pressed ? high : low;
    const flipped = put({ type, status: pressed ? 'True' : 'False', reason, message });
    if (flipped) events.push(reasons[pressed ? 0 : 1]);
  }
  const known = previous.some(({ type }) => type === 'Ready');
  // For a new node, becoming ready is worth an event; not being ready yet is not.
  const ready = problems.length === 0;
  const flipped = put({
    type: 'Ready',
    status: ready ? 'True' : 'False',
    reason: ready ? 'KubeletReady' : 'KubeletNotReady',
    message: ready ? 'kubelet is posting ready status' : aggregate(problems),
  });
  if (flipped && (known || ready)) events.push(ready ? 'NodeReady' : 'NodeNotReady');
  return { conditions, events };
}

/** Returns a single message unchanged; joins several in brackets, without repetition. */
export function aggregate(problems: readonly string[]): string {
  const distinct = [...new Set(problems)];
  return distinct.length === 1 ? (distinct[0] ?? '') : `[${distinct.join(', ')}]`;
}

/** Resources that a node must have before it can be ready. */
export function missingCapacity(
  capacity: Readonly<Record<string, string>>,
  localStorageCapacityIsolation: boolean,
): readonly string[] {
  const wanted = ['cpu', 'memory', 'pods'];
  if (localStorageCapacityIsolation) wanted.push('ephemeral-storage');
  const missing = wanted.filter((name) => capacity[name] === undefined);
  if (missing.length === 0) return [];
  return [`missing node capacity for resources: ${missing.join(', ')}`];
}
