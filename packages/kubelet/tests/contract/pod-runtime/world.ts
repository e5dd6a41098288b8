import type { Container, Pod, PodSpec } from '@nodeagent/kube-client';
import { expect } from 'vitest';

import {
  type ContainerObservation,
  type PodObservation,
  podUid,
  type StartContainerRequest,
  type StopContainerRequest,
} from '../../../src/pod/index.js';
import type { RuntimeScene } from './scene.js';

/** By container name. A runtime without real programs simulates what they do. */
const COMMANDS = {
  /** Ends with 3 when it is asked to, and when the scene ends it. */
  told: [
    ...['sh', '-c'],
    'trap "exit 3" TERM; echo listens; while [ ! -e /tmp/exit ]; do sleep 0.05; done; exit $(cat /tmp/exit)',
  ],
  stubborn: ['sh', '-c', 'trap "" TERM; echo listens; while :; do sleep 0.05; done'],
  task: ['sh', '-c', 'exit 7'],
  success: ['sh', '-c', 'exit 0'],
  missing: ['/no/such/program'],
  /** Its postStart hook fails. */
  hooked: ['sh', '-c', 'trap "exit 3" TERM; while :; do sleep 0.05; done'],
  /** Its image is not on the node and must not be pulled. */
  imageless: ['true'],
} as const;

export type Name = keyof typeof COMMANDS;

export const NOWHERE = 'f'.repeat(64);
const SPECIAL: Partial<Record<Name, Partial<Container>>> = {
  hooked: { lifecycle: { postStart: { exec: { command: ['sh', '-c', 'exit 1'] } } } },
  imageless: { image: 'nodeagent.test/absent:1' },
};

/** Makes pods, and does the steps that most tests begin with. */
export class World {
  readonly scene: RuntimeScene;
  readonly signal = new AbortController().signal;
  #serial = 0;

  constructor(scene: RuntimeScene) {
    this.scene = scene;
  }

  pod(names: readonly Name[] = ['told'], spec: Partial<PodSpec> = {}): Pod {
    this.#serial += 1;
    const name = `p${this.#serial}`;
    return {
      metadata: { name, namespace: 'contract', uid: `uid-of-${name}` },
      spec: {
        enableServiceLinks: false,
        terminationGracePeriodSeconds: 600,
        ...spec,
        containers: names.map((each) => ({
          name: each,
          image: this.scene.image,
          imagePullPolicy: 'Never',
          command: [...COMMANDS[each]],
          terminationMessagePath: '/dev/termination-log',
          ...SPECIAL[each],
        })),
      },
    };
  }

  observe(pod: Pod): Promise<PodObservation> {
    return this.scene.view.observe(podUid(pod), this.signal);
  }

  sandbox(pod: Pod, attempt = 0): Promise<string> {
    return this.scene.runtime.createSandbox(pod, attempt, this.signal);
  }

  async start(
    pod: Pod,
    sandboxId: string,
    more: Partial<StartContainerRequest> = {},
  ): Promise<string> {
    const name = pod.spec?.containers[0]?.name ?? '';
    const { podIps } = await this.observe(pod);
    const id = await this.scene.runtime.startContainer(
      { pod, sandboxId, podIps, name, role: 'regular', restartCount: 0, ...more },
      this.signal,
    );
    return id;
  }

  /** A pod whose containers run and listen; their ids are in the order of the names. */
  async running(
    names: readonly Name[] = ['told'],
    spec: Partial<PodSpec> = {},
  ): Promise<Readonly<{ pod: Pod; sandboxId: string; ids: readonly string[]; id: string }>> {
    const pod = this.pod(names, spec);
    const sandboxId = await this.sandbox(pod);
    const ids: string[] = [];
    for (const name of names) ids.push(await this.start(pod, sandboxId, { name }));
    for (const id of ids) await this.scene.listens(id);
    return { pod, sandboxId, ids, id: ids[0] ?? '' };
  }

  stop(pod: Pod, id: string, more: Partial<StopContainerRequest> = {}): Promise<void> {
    const name = pod.spec?.containers[0]?.name ?? '';
    const request = { containerId: id, name, pod, graceSeconds: 600, preStop: false, why: 'test' };
    return this.scene.runtime.stopContainer({ ...request, ...more }, this.signal);
  }

  async container(pod: Pod, id: string): Promise<ContainerObservation | undefined> {
    return (await this.observe(pod)).containers.find((each) => each.id === id);
  }

  async state(pod: Pod, id: string): Promise<ContainerObservation['state'] | undefined> {
    return (await this.container(pod, id))?.state;
  }

  /** Its state once it has ended by itself, which a view may hear of a while later. */
  async ended(pod: Pod, id: string): Promise<ContainerObservation['state'] | undefined> {
    await this.told(async () => (await this.state(pod, id))?.kind === 'exited');
    return this.state(pod, id);
  }

  /** Follows the view until what it shows is as expected. */
  async told(isExpected: () => Promise<boolean>): Promise<void> {
    const { end } = this.follow();
    await expect.poll(isExpected).toBe(true);
    await end();
  }

  follow(
    onReport: (uid: string) => void = () => undefined,
  ): Readonly<{ reports: readonly string[]; end: () => Promise<void> }> {
    const stop = new AbortController();
    const reports: string[] = [];
    const listen = (uid: string): void => {
      reports.push(uid);
      onReport(uid);
    };
    const following = this.scene.view.onChange(listen, stop.signal);
    return {
      reports,
      end: () => {
        stop.abort(new Error('seen'));
        return following;
      },
    };
  }
}
