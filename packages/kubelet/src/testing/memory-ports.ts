import type { Node, Pod } from '@nodeagent/kube-client';

import {
  type ContainerVerdicts,
  type NodeView,
  type PodEvents,
  podName,
  type PodProbes,
  podUid,
} from '../pod/index.js';
import { aNode } from './builders.js';

/** Keeps events as lines: `Warning BackOff web app: Back-off restarting …`. */
export class MemoryPodEvents implements PodEvents {
  readonly lines: string[] = [];

  normal(pod: Pod, reason: string, message: string, container?: string): void {
    this.#add('Normal', [reason, podName(pod), container], message);
  }

  warning(pod: Pod, reason: string, message: string, container?: string): void {
    this.#add('Warning', [reason, podName(pod), container], message);
  }

  #add(type: string, words: readonly (string | undefined)[], message: string): void {
    this.lines.push(
      `${[type, ...words].filter((word) => word !== undefined).join(' ')}: ${message}`,
    );
  }
}

/** Verdicts that the test has set, by pod uid and container id. */
export class MemoryPodProbes implements PodProbes {
  readonly #verdicts = new Map<string, Map<string, ContainerVerdicts>>();
  readonly stopped = new Set<string>();

  set(uid: string, containerId: string, verdicts: ContainerVerdicts): void {
    const ofPod = new Map(this.#verdicts.get(uid));
    this.#verdicts.set(uid, ofPod.set(containerId, verdicts));
  }

  update(pod: Pod): void {
    this.stopped.delete(podUid(pod));
  }

  verdicts(uid: string): ReadonlyMap<string, ContainerVerdicts> {
    return this.#verdicts.get(uid) ?? new Map();
  }

  stopping(uid: string): void {
    this.stopped.add(uid);
  }

  remove(uid: string): void {
    this.#verdicts.delete(uid);
  }
}

/** The Node and the network problem that the kubelet sees; assign to change them. */
export class MemoryNodeView implements NodeView {
  node: Node | undefined = aNode();
  network: string | undefined;

  current(): Node | undefined {
    return this.node;
  }

  hostIps(): readonly string[] {
    return (this.node?.status?.addresses ?? []).map(({ address }) => address);
  }

  networkProblem(): string | undefined {
    return this.network;
  }
}
