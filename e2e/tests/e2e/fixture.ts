import { randomBytes } from 'node:crypto';

import {
  isKubeError,
  type KubeClient,
  LEASES,
  NAMESPACES,
  NODES,
  type Pod,
  PODS,
  type Service,
  SERVICE_ACCOUNTS,
  SERVICES,
} from '@nodeagent/kube-client';
import { createKubeClient } from '@nodeagent/kube-client/http';
import { loadKubeconfig } from '@nodeagent/kube-client/kubeconfig';
import { type Cluster, type ClusterOptions, startCluster, waitFor } from '@nodeagent/testbed';
import { afterAll, beforeAll } from 'vitest';

/** A node for one test file, in a namespace of its own, because the API server may be shared. */
export interface Fixture {
  readonly cluster: Cluster;
  readonly client: KubeClient;
  readonly namespace: string;
  createPod(pod: PodFixture): Promise<Pod>;
  getPod(name: string): Promise<Pod>;
  /** Creates a NodePort Service on port 80, for pods with the label `app=<name>`. */
  createService(name: string, targetPort: number): Promise<Service>;
  /** Waits until the pod meets the test's condition; the error shows its last status. */
  waitForPod(
    name: string,
    what: string,
    is: (pod: Pod) => boolean,
    timeoutMs?: number,
  ): Promise<Pod>;
}

export interface PodFixture {
  readonly name: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** One container named `main`. */
  readonly container: Readonly<Record<string, unknown>>;
  readonly restartPolicy?: 'Always' | 'OnFailure' | 'Never';
}

const never = new AbortController().signal;

/**
 * Call it at the top of a test file; the fixture exists once tests run.
 *
 * @param kubeletConfig replaces fields at the top level of the KubeletConfiguration
 */
export function useCluster(
  kubeletConfig: Readonly<Record<string, unknown>> = {},
  options: Omit<ClusterOptions, 'kubeletConfig'> = {},
): Fixture {
  let cluster: Cluster;
  let client: KubeClient & { close(): void };
  const namespace = `e2e-${randomBytes(3).toString('hex')}`;
  beforeAll(async () => {
    cluster = await startCluster({ name: 'e2e', kubeletConfig, ...options });
    client = createKubeClient(await loadKubeconfig({ path: cluster.kubeconfig }));
    await client.create(NAMESPACES, { metadata: { name: namespace } }, never);
    const account = { namespace, name: 'default' }; // no pod is admitted without one
    const look = () => client.get(SERVICE_ACCOUNTS, account, never);
    await waitFor(look, { what: 'the default service account' });
  });
  afterAll(async () => {
    if (cluster.controlPlane.kind === 'kubeconfig') await leave(cluster, client, namespace);
    client.close();
    await cluster.stop();
  });
  const getPod = (name: string) => client.get(PODS, { namespace, name }, never);
  return {
    get cluster() {
      return cluster;
    },
    get client() {
      return client;
    },
    namespace,
    getPod,
    createService: (name, targetPort) => {
      const spec = { type: 'NodePort', selector: { app: name }, ports: [{ port: 80, targetPort }] };
      return client.create(SERVICES, { metadata: { name, namespace }, spec }, never);
    },
    createPod: (pod) => client.create(PODS, manifest(namespace, cluster.nodeName, pod), never),
    waitForPod: async (name, what, is, timeoutMs = 60_000) => {
      let last: Pod | undefined;
      const look = async () => {
        cluster.assertRunning();
        last = await getPod(name);
        return is(last) ? last : undefined;
      };
      const options = { what: `pod ${name} ${what}`, everyMs: 50, timeoutMs };
      return waitFor(look, options).catch((cause: unknown) => {
        throw new Error(`${String(cause)}; it was: ${JSON.stringify(last?.status)}`, { cause });
      });
    },
  };
}

/**
 * Removes all of our objects from an API server that outlives the tests: pods end before their node
 * does.
 */
async function leave(cluster: Cluster, client: KubeClient, namespace: string): Promise<void> {
  await client.delete(NAMESPACES, { name: namespace }, {}, never);
  const isGone = () =>
    client.get(NAMESPACES, { name: namespace }, never).then(
      () => false,
      (error: unknown) => isKubeError(error, 'KUBE_NOT_FOUND'),
    );
  await waitFor(isGone, { what: `namespace ${namespace} to be gone` });
  await cluster.kubelet.stop(); // otherwise it would register again
  const name = cluster.nodeName;
  await client.delete(NODES, { name }, {}, never);
  await client.delete(LEASES, { namespace: 'kube-node-lease', name }, {}, never).catch(unlessGone);
}

/** A garbage collector may have been quicker. */
function unlessGone(error: unknown): void {
  if (!isKubeError(error, 'KUBE_NOT_FOUND')) throw error;
}

function manifest(namespace: string, nodeName: string, pod: PodFixture): Pod {
  const { name, labels = {}, container, restartPolicy = 'Always' } = pod;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, labels: { ...labels } },
    spec: {
      nodeName,
      restartPolicy,
      terminationGracePeriodSeconds: 1,
      containers: [
        { name: 'main', image: 'nodeagent.test/web:1', imagePullPolicy: 'Never', ...container },
      ],
    },
  };
}

export function isReady(pod: Pod): boolean {
  return pod.status?.conditions?.find(({ type }) => type === 'Ready')?.status === 'True';
}

/** Id without its scheme, start time and number of restarts of the only container. */
export function mainContainer(pod: Pod): { id: string; startedAt: string; restarts: number } {
  const status = pod.status?.containerStatuses?.[0];
  return {
    id: (status?.containerID ?? '').replace(/^.*:\/\//, ''),
    startedAt: status?.state?.running?.startedAt ?? '',
    restarts: status?.restartCount ?? 0,
  };
}
