import { type Clock, type Logger, type Metrics, orAborted, type Random } from '@nodeagent/base';
import { type KubeClient, type Node, NODES, runReflector } from '@nodeagent/kube-client';

export interface OwnNodeOptions {
  readonly client: KubeClient;
  readonly nodeName: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics?: Metrics | undefined;
  /** Called after each change. */
  readonly onChange?: (node: Node) => void;
}

/** The newest copy of this node's API object. Until it is known, the measured node stands in. */
export class OwnNode {
  readonly #options: OwnNodeOptions;
  readonly #known = Promise.withResolvers<undefined>();
  readonly #usable = Promise.withResolvers<undefined>();
  #node: Node | undefined;
  #measured: Node | undefined;

  constructor(options: OwnNodeOptions) {
    this.#options = options;
  }

  /** The node from the API, or as measured until the API has answered. */
  current(): Node | undefined {
    return this.#node ?? this.#measured;
  }

  /** The node from the API. */
  registered(): Node | undefined {
    return this.#node;
  }

  /**
   * The measured node lets static pods run without an API server: one of them may be the API
   * server.
   */
  measured(node: Node): void {
    this.#measured = node;
    this.#usable.resolve(undefined);
  }

  /** Resolves once the node is known from the API. @throws the signal's reason */
  async known(signal: AbortSignal): Promise<void> {
    if (this.#node === undefined) await orAborted(this.#known.promise, signal);
  }

  /** Resolves once `current` returns a node. @throws the signal's reason */
  async usable(signal: AbortSignal): Promise<void> {
    if (this.current() === undefined) await orAborted(this.#usable.promise, signal);
  }

  /** Watches until the signal fires. */
  async run(signal: AbortSignal): Promise<void> {
    const { client, nodeName, clock, random, log, metrics } = this.#options;
    const keep = (node: Node): void => {
      this.#node = node;
      this.#known.resolve(undefined);
      this.#usable.resolve(undefined);
      this.#options.onChange?.(node);
    };
    const sink = {
      replace: (items: ReadonlyMap<string, Node>): void => {
        for (const node of items.values()) keep(node);
      },
      upsert: (_: string, node: Node): void => keep(node),
      // The last known node stays in use until the node is registered again.
      remove: (): void => log.warn({ node: nodeName }, 'node is no longer registered'),
    };
    await runReflector(
      client,
      {
        resource: NODES,
        selectors: { fieldSelector: `metadata.name=${nodeName}` },
        project: withoutManagedFields,
        sink,
        ...{ clock, random, log, metrics },
        onError: (err, retryInMs) => log.warn({ err, retryInMs }, 'node cannot be watched'),
      },
      signal,
    );
  }
}

/** The kubelet never reads `managedFields`. */
function withoutManagedFields(node: Node): Node {
  const metadata = { ...node.metadata };
  delete metadata.managedFields;
  return { ...node, metadata };
}
