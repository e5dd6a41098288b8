import { createSystemClock } from '@nodeagent/base/system';
import { isKubeError, type KubeClient, type Pod, PODS, runReflector } from '@nodeagent/kube-client';

/** Starts pods through the API on one node, and times them as an API client sees them. */
export interface KubePods {
  /**
   * Resolves when a watcher sees the pod Running.
   *
   * @param claim to mount at /data
   */
  start(name: string, claim?: string): Promise<void>;
  /** Deletes all pods and resolves when the objects are gone. */
  removeAll(): Promise<void>;
  stop(): void;
}

const NAMESPACE = 'default';

export async function createKubePods(
  client: KubeClient,
  nodeName: string,
  container: Readonly<{ image: string; command: readonly string[] }>,
): Promise<KubePods> {
  const stop = new AbortController();
  const { signal } = stop;
  const waiting = new Map<string, () => void>();
  const phases = new Map<string, string>();
  const isDone = (key: string): boolean => {
    const [verb = '', name = ''] = key.split(' ');
    return verb === 'gone' ? !phases.has(name) : phases.get(name) === 'Running';
  };
  const check = (): void => {
    for (const [key, done] of waiting) {
      if (!isDone(key)) continue;
      waiting.delete(key);
      done();
    }
  };
  const until = (key: string): Promise<void> =>
    new Promise((resolve) => {
      waiting.set(key, resolve);
      check();
    });
  const synced = new Promise<void>((resolve, reject) => {
    runReflector(
      client,
      {
        resource: PODS,
        selectors: { fieldSelector: `spec.nodeName=${nodeName}`, namespace: NAMESPACE },
        log: console,
        project: ({ status }: Pod) => status?.phase ?? '',
        sink: {
          replace: (items) => {
            phases.clear();
            for (const [key, phase] of items) phases.set(key, phase);
            check();
          },
          upsert: (key, phase) => {
            phases.set(key, phase);
            check();
          },
          remove: (key) => {
            phases.delete(key);
            check();
          },
        },
        clock: createSystemClock(),
        random: Math.random,
        onSynced: resolve,
      },
      signal,
    ).catch(reject);
  });
  await synced;
  return {
    start: async (name, claim) => {
      const running = until(`running ${NAMESPACE}/${name}`);
      await client.create(PODS, podOf(name, { nodeName, claim }, container), signal);
      await running;
    },
    removeAll: async () => {
      const names = [...phases.keys()];
      await Promise.all(
        names.map(async (key) => {
          const gone = until(`gone ${key}`);
          await remove(client, key.slice(NAMESPACE.length + 1), signal);
          await gone;
        }),
      );
    },
    stop: () => stop.abort(),
  };
}

async function remove(client: KubeClient, name: string, signal: AbortSignal): Promise<void> {
  try {
    await client.delete(PODS, { namespace: NAMESPACE, name }, { gracePeriodSeconds: 1 }, signal);
  } catch (error) {
    if (!isKubeError(error, 'KUBE_NOT_FOUND')) throw error;
  }
}

/** Bound to its node from the start, because the scheduler is not measured. */
function podOf(
  name: string,
  { nodeName, claim }: Readonly<{ nodeName: string; claim: string | undefined }>,
  { image, command }: Readonly<{ image: string; command: readonly string[] }>,
): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: NAMESPACE },
    spec: {
      nodeName,
      terminationGracePeriodSeconds: 1,
      containers: [
        {
          ...{ name: 'app', image, imagePullPolicy: 'IfNotPresent', command: [...command] },
          ...(claim !== undefined && { volumeMounts: [{ name: 'data', mountPath: '/data' }] }),
        },
      ],
      ...(claim !== undefined && {
        volumes: [{ name: 'data', persistentVolumeClaim: { claimName: claim } }],
      }),
    },
  };
}
