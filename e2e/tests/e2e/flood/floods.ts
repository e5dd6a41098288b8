import type { Pod } from '@nodeagent/kube-client';

export interface Flood {
  readonly kind: 'memory' | 'disk' | 'inodes' | 'logs' | 'pids';
  /** The name of the resource in messages. */
  readonly resource: string;
  readonly condition: 'MemoryPressure' | 'DiskPressure' | 'PIDPressure';
  /** Uses the resource up, at a pace that leaves the kubelet some seconds. */
  readonly script: string;
}

const WAIT = 'while :; do sleep 1000; done';

export const FLOODS: readonly Flood[] = [
  {
    ...{ kind: 'memory', resource: 'memory', condition: 'MemoryPressure' },
    // a dd that cannot write keeps its buffer
    script: 'while :; do dd if=/dev/zero bs=8M 2>/dev/null | sleep 1000 & sleep 0.2; done',
  },
  {
    ...{ kind: 'disk', resource: 'ephemeral-storage', condition: 'DiskPressure' },
    script: `for i in $(seq 300); do head -c 1572864 /dev/zero >> /scratch/a; sleep 0.1; done; ${WAIT}`,
  },
  {
    ...{ kind: 'inodes', resource: 'inodes', condition: 'DiskPressure' },
    script: `for i in $(seq 5000); do : > /scratch/$i; done; ${WAIT}`,
  },
  {
    ...{ kind: 'logs', resource: 'ephemeral-storage', condition: 'DiskPressure' },
    script: `line=$(head -c 8000 /dev/zero | tr '\\0' x); while :; do yes "$line" | head -c 1572864; sleep 0.1; done`,
  },
  {
    ...{ kind: 'pids', resource: 'pids', condition: 'PIDPressure' },
    script: `for i in $(seq 1400); do sleep 1000 & done; ${WAIT}`,
  },
];

const container = (command: string, more: object) => ({
  name: 'main',
  image: 'nodeagent.test/busybox:1',
  imagePullPolicy: 'Never',
  command: ['sh', '-c', command],
  ...more,
});

/** A pod without requests, so that it uses more than it requests. */
export function floodPod({ kind, script }: Flood, name: string): Pod {
  return {
    metadata: { name, labels: { flood: kind } },
    spec: {
      terminationGracePeriodSeconds: 0,
      containers: [
        container(script, { volumeMounts: [{ name: 'scratch', mountPath: '/scratch' }] }),
      ],
      volumes: [{ name: 'scratch', emptyDir: {} }],
    },
  };
}

const PROBE = { periodSeconds: 1, failureThreshold: 1, timeoutSeconds: 30 };
/** More than they use, so that pods which use more than they request go first. */
const resources = { requests: { memory: '64Mi', 'ephemeral-storage': '16Mi' } };

/** Pods that floods must not harm, by name. A single failed probe of theirs is an event. */
export const GOOD_PODS: Readonly<Record<string, Pod>> = {
  serves: {
    spec: {
      containers: [
        {
          ...{ name: 'main', image: 'nodeagent.test/web:1', imagePullPolicy: 'Never', resources },
          readinessProbe: { httpGet: { path: '/healthz', port: 8080 }, ...PROBE },
          startupProbe: {
            httpGet: { path: '/healthz', port: 8080 },
            ...PROBE,
            failureThreshold: 60,
          },
        },
      ],
    },
  },
  writes: {
    spec: {
      containers: [
        container(`touch /scratch/a; ${WAIT}`, {
          resources,
          volumeMounts: [{ name: 'scratch', mountPath: '/scratch' }],
          livenessProbe: {
            exec: { command: ['test', '-e', '/scratch/a'] },
            ...PROBE,
            initialDelaySeconds: 5,
          },
        }),
      ],
      volumes: [{ name: 'scratch', emptyDir: {} }],
    },
  },
};
