import { type Clock, type Logger, type Metrics, type Random, Wake } from '@nodeagent/base';
import { type KubeClient, NODES, runReflector } from '@nodeagent/kube-client';

import { type NodeInfo, projectNode } from '../model/node-info.js';
import { logWatchError } from './sources.js';

export interface NodeWatchOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly counters?: Metrics;
  readonly nodeName: string;
}

/** This node's object, kept current. */
export class NodeWatch {
  readonly #options: NodeWatchOptions;
  readonly #wake = new Wake();
  #current: NodeInfo | undefined;
  #onChange: (now: NodeInfo | undefined, before: NodeInfo | undefined) => void = () => undefined;

  constructor(options: NodeWatchOptions) {
    this.#options = options;
  }

  get current(): NodeInfo | undefined {
    return this.#current;
  }

  /** Sets the only listener; undefined means that the Node does not exist. */
  onChange(listener: (now: NodeInfo | undefined, before: NodeInfo | undefined) => void): void {
    this.#onChange = listener;
  }

  run(signal: AbortSignal): Promise<void> {
    const { client, clock, random, log, counters: metrics, nodeName } = this.#options;
    const sink = {
      replace: (items: ReadonlyMap<string, NodeInfo>) => this.#set(items.get(nodeName)),
      upsert: (_name: string, node: NodeInfo) => this.#set(node),
      remove: () => this.#set(undefined),
    };
    const selectors = { fieldSelector: `metadata.name=${nodeName}` };
    const onError = logWatchError(log, 'node');
    return runReflector(
      client,
      {
        ...{ clock, random, log, metrics, onError, selectors, sink },
        resource: NODES,
        project: projectNode,
      },
      signal,
    );
  }

  /**
   * Waits until the node meets a condition.
   *
   * @returns undefined when this did not happen in time, or the signal fired
   */
  async waitFor(
    isRight: (node: NodeInfo) => boolean,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<NodeInfo | undefined> {
    const { clock } = this.#options;
    const deadlineMs = clock.monotonicMs() + timeoutMs;
    for (;;) {
      const node = this.#current;
      if (node !== undefined && isRight(node)) return node;
      const leftMs = deadlineMs - clock.monotonicMs();
      if (leftMs <= 0) return undefined;
      if ((await this.#wake.waitAtMost(leftMs, clock, signal)) === 'aborted') return undefined;
    }
  }

  #set(node: NodeInfo | undefined): void {
    const before = this.#current;
    this.#current = node;
    this.#wake.wake();
    if (JSON.stringify(before) !== JSON.stringify(node)) this.#onChange(node, before);
  }
}
