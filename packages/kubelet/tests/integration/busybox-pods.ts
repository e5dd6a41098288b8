import {
  type Container,
  type ContainerStatus,
  EVENTS,
  isKubeError,
  NODES,
  type Pod,
  PODS,
  type PodSpec,
} from '@nodeagent/kube-client';
import { waitFor } from '@nodeagent/testbed';

import { NODE_NAME, type RealNode } from './real-node.js';

const { signal } = new AbortController();

export const named = (name: string) => ({ namespace: 'default', name });
export const statusOf = ({ status }: Pod): ContainerStatus | undefined =>
  status?.containerStatuses?.[0];
export const isRunning = (pod: Pod): boolean => statusOf(pod)?.state?.running !== undefined;

/** One container that waits until it is stopped, by default. */
export function busybox(
  name: string,
  container: Partial<Container> = {},
  spec: Partial<PodSpec> = {},
): Pod {
  return {
    metadata: named(name),
    spec: {
      nodeName: NODE_NAME,
      terminationGracePeriodSeconds: 0,
      ...spec,
      containers: [
        {
          name: 'c',
          image: 'nodeagent.test/busybox:1',
          command: ['sh', '-c', 'trap "exit 0" TERM; while :; do sleep 0.1; done'],
          ...container,
        },
      ],
    },
  };
}

/** Operations of tests on pods of a real node, through its API. */
export class BusyboxPods {
  readonly #node: RealNode;

  constructor(node: RealNode) {
    this.#node = node;
  }

  async nodeReady(): Promise<void> {
    await waitFor(
      async () => {
        const { status } = await this.#node.user.get(NODES, { name: NODE_NAME }, signal);
        return status?.conditions?.some(
          ({ type, status: is }) => type === 'Ready' && is === 'True',
        );
      },
      { what: 'the node to be ready' },
    );
  }

  async create(pod: Pod): Promise<void> {
    await this.#node.user.create(PODS, pod, signal);
  }

  /** The error message contains the pod's current state. */
  async until(name: string, what: string, holds: (pod: Pod) => boolean): Promise<Pod> {
    let last: Pod | undefined;
    try {
      await waitFor(
        async () => {
          last = await this.#node.user.get(PODS, named(name), signal);
          return holds(last);
        },
        { what },
      );
    } catch (cause) {
      throw new Error(`${what}: the pod is ${JSON.stringify(last?.status)}`, { cause });
    }
    return last as unknown as Pod;
  }

  async run(pod: Pod): Promise<Pod> {
    await this.create(pod);
    const name = pod.metadata?.name ?? '';
    return this.until(name, `${name} to run`, isRunning);
  }

  async exec(pod: Pod, script: string): Promise<string> {
    const id = statusOf(pod)?.containerID?.replace('containerd://', '') ?? '';
    const request = { containerId: id as never, command: ['sh', '-c', script] };
    const { stdout, stderr } = await this.#node.cri.runtime.execSync(request, signal);
    return Buffer.concat([stdout, stderr]).toString('utf8');
  }

  async remove(name: string): Promise<void> {
    await this.#node.user.delete(PODS, named(name), {}, signal);
    await waitFor(
      async () => {
        const answer = await this.#node.user
          .get(PODS, named(name), signal)
          .catch((e: unknown) => e);
        return isKubeError(answer, 'KUBE_NOT_FOUND');
      },
      { what: `pod ${name} to be gone` },
    );
  }

  /** `reason: message` of the events written so far. */
  async events(name: string): Promise<readonly string[]> {
    const { items } = await this.#node.user.list(EVENTS, { namespace: 'default' }, signal);
    return items
      .filter(({ involvedObject }) => involvedObject.name === name)
      .map(({ reason, message }) => `${reason}: ${message}`);
  }

  async untilEvent(name: string, text: string): Promise<void> {
    await waitFor(async () => (await this.events(name)).includes(text), {
      what: `the event ${JSON.stringify(text)} about ${name}`,
    });
  }
}
