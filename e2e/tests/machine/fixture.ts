import {
  type KubeClient,
  type KubeObject,
  type Node,
  NODES,
  type Pod,
  PODS,
  type Resource,
  SERVICE_ACCOUNTS,
} from '@nodeagent/kube-client';
import { createKubeClient } from '@nodeagent/kube-client/http';
import { loadKubeconfig } from '@nodeagent/kube-client/kubeconfig';
import { type DevControlPlane, ifStarted, startDevControlPlane, waitFor } from '@nodeagent/testbed';
import {
  bootNode,
  createMachines,
  type Machine,
  type MachineNodeOptions,
  type Machines,
  untilHealthy,
} from '@nodeagent/testbed/machine';
import { afterAll, beforeAll } from 'vitest';

/** Virtual machines as nodes of one cluster; its API server runs beside them. */
export interface MachineFixture {
  readonly machines: Machines;
  readonly controlPlane: DevControlPlane;
  readonly client: KubeClient;
  node(name: string): Machine;
  getPod(name: string): Promise<Pod>;
  waitForPod(name: string, what: string, is: (pod: Pod) => boolean): Promise<Pod>;
  waitForNode(name: string, what: string, is: (node: Node) => boolean): Promise<Node>;
}

const never = new AbortController().signal;
const namespace = 'default';
/** Emulated processors take their time. */
export const SLOW_MS = 400_000;

/**
 * Call it at the top of a test file; the machines are up, with both agents installed and none
 * started, once tests run.
 *
 * @param nodes options of each node, by its name
 */
export function useMachines(
  nodes: Readonly<Record<string, Omit<MachineNodeOptions, 'name' | 'controlPlane'>>>,
): MachineFixture {
  let machines: Machines;
  let controlPlane: DevControlPlane;
  let client: KubeClient & { close(): void };
  const booted = new Map<string, Machine>();
  beforeAll(async () => {
    machines = await createMachines('e2e-machine');
    controlPlane = await startDevControlPlane(machines.space, Object.keys(nodes));
    client = createKubeClient(await loadKubeconfig({ path: controlPlane.adminKubeconfig }));
    const boot = async ([name, options]: [string, object]): Promise<void> => {
      booted.set(name, await bootNode(machines, { ...options, name, controlPlane }));
    };
    await Promise.all(Object.entries(nodes).map(boot));
    const look = () => client.get(SERVICE_ACCOUNTS, { namespace, name: 'default' }, never);
    await waitFor(look, { what: 'the default service account' });
  });
  afterAll(async () => {
    ifStarted(client)?.close();
    await ifStarted(machines)?.remove();
  });
  const getPod = (name: string): Promise<Pod> => client.get(PODS, { namespace, name }, never);
  return {
    get machines() {
      return machines;
    },
    get controlPlane() {
      return controlPlane;
    },
    get client() {
      return client;
    },
    node: (name) => {
      const node = booted.get(name);
      if (node === undefined) throw new Error(`no node ${name}`);
      return node;
    },
    getPod,
    waitForPod: (name, what, is) => until(() => getPod(name), `pod ${name} ${what}`, is),
    waitForNode: (name, what, is) => {
      const get = (): Promise<Node> => client.get(NODES, { name }, never);
      return until(get, `node ${name} ${what}`, is);
    },
  };
}

/** Waits for an object to be as a test wants it; the error shows its last status. */
async function until<T extends { readonly status?: unknown }>(
  get: () => Promise<T>,
  what: string,
  is: (object: T) => boolean,
): Promise<T> {
  let last: T | undefined;
  const look = async (): Promise<T | undefined> => {
    last = await get();
    return is(last) ? last : undefined;
  };
  return waitFor(look, { what, timeoutMs: SLOW_MS, everyMs: 250 }).catch((cause: unknown) => {
    const text = `${String(cause)}; it was: ${JSON.stringify(last?.status)}`;
    throw new Error(text, { cause });
  });
}

/** A pod of the namespace `default` that serves HTTP on port 8080, bound to a node. */
export function webPod(name: string, nodeName: string, container: object = {}): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, labels: { app: name } },
    spec: {
      nodeName,
      terminationGracePeriodSeconds: 1,
      // a node that is away for minutes, on a slow machine, keeps the pod
      tolerations: [{ operator: 'Exists', effect: 'NoExecute' }],
      containers: [
        { name: 'main', image: 'nodeagent.test/web:1', imagePullPolicy: 'Never', ...container },
      ],
    },
  };
}

/** Creates an object of the namespace `default`. */
export function create<T extends KubeObject>(
  { client }: MachineFixture,
  resource: Resource<T>,
  object: T,
): Promise<T> {
  return client.create(resource, object, never);
}

export function isNodeReady(node: Node): boolean {
  return node.status?.conditions?.find(({ type }) => type === 'Ready')?.status === 'True';
}

const KUBELET_CONFIG = '/var/lib/kubelet/config.yaml';

/** Changes fields of the kubelet's configuration, and restarts it. */
export async function configure(node: Machine, fields: object): Promise<void> {
  const config = JSON.parse(await node.sh(`cat ${KUBELET_CONFIG}`)) as object;
  await node.write(KUBELET_CONFIG, JSON.stringify({ ...config, ...fields }));
  await node.sh('systemctl restart kubelet');
  await untilHealthy(node, 'kubelet');
}
