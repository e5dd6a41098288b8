import { type Clock, type Logger, type Metrics, orAborted, type Random } from '@nodeagent/base';
import { type KubeClient, type Node, NODES, runReflector } from '@nodeagent/kube-client';

export interface OwnNodeOptions {
  readonly client: KubeClient;
  readonly nodeName: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics?: Metrics | undefined;
  /** After each change. */
  readonly onChange?: (node: Node) => void;
}

/** The newest copy of the API's object of this node, and until there is one, what was measured. */
export class OwnNode {
  readonly #options: OwnNodeOptions;
  readonly #known = Promise.withResolvers<undefined>();
  readonly #usable = Promise.withResolvers<undefined>();
  #node: Node | undefined;
  #measured: Node | undefined;

  constructor(options: OwnNodeOptions) {
    this.#options = options;
  }

  /** The API's, else as measured. */
  current(): Node | undefined {
    return this.#node ?? this.#measured;
  }

  /** The API's. */
  registered(): Node | undefined {
    return this.#node;
  }

  /** Static pods run while no API server answers: one of them may be the API server. */
  measured(node: Node): void {
    this.#measured = node;
    this.#usable.resolve(undefined);
  }

  /** Resolves when the API's is known for the first time. @throws the signal's reason */
  async known(signal: AbortSignal): Promise<void> {
    if (this.#node === undefined) await orAborted(this.#known.promise, signal);
  }

  /** Resolves when `current` gives a node for the first time. @throws the signal's reason */
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
      // What was last known serves until it is registered again.
      remove: (): void => log.warn({ node: nodeName }, 'the API no longer has this node'),
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

/** Who wrote which field: not asked for here. */
function withoutManagedFields(node: Node): Node {
  const metadata = { ...node.metadata };
  delete metadata.managedFields;
  return { ...node, metadata };
}
