import type { Clock } from '@nodeagent/base';
import type { NodeInfo } from '@nodeagent/csi';
import {
  CSI_NODES,
  type CsiNode,
  isKubeError,
  type KubeClient,
  type Node,
  NODES,
} from '@nodeagent/kube-client';

import { checkedCsiNode } from '../plan/checked-objects.js';
import { emptyCsiNode, isOfAnotherNode, nodePatch, withDriver } from '../plan/csi-node.js';

export interface NodeAnnouncerOptions {
  /** Undefined without an API server: nothing is reported. */
  readonly client: KubeClient | undefined;
  readonly nodeName: string;
  /** The registered Node; waits until it exists. */
  readonly node: (signal: AbortSignal) => Promise<Node>;
  readonly clock: Clock;
}

/**
 * Waits between attempts of one write.
 *
 * @see Kubernetes 1.36 pkg/volume/csi/nodeinfomanager, updateBackoff
 */
const RETRY_MS = [10, 50, 250];

/**
 * Reports this node's drivers to the cluster: the Node's annotation and labels, and its CSINode.
 */
export class NodeAnnouncer {
  readonly #options: NodeAnnouncerOptions;

  constructor(options: NodeAnnouncerOptions) {
    this.#options = options;
  }

  /**
   * @throws {KubeError} after several attempts; {VolumeError} for topology that contradicts the
   *   Node
   */
  async announce(driver: string, info: NodeInfo, signal: AbortSignal): Promise<void> {
    await this.#patchNode(driver, info, signal);
    await this.#changeCsiNode((found) => withDriver(found, driver, info), signal);
  }

  async withdraw(driver: string, signal: AbortSignal): Promise<void> {
    await this.#changeCsiNode((found) => withDriver(found, driver, undefined), signal);
    await this.#patchNode(driver, undefined, signal);
  }

  /** Creates the CSINode if it is missing, so that the scheduler knows this node's limits. */
  async open(signal: AbortSignal): Promise<void> {
    await this.#changeCsiNode(() => undefined, signal);
  }

  async #patchNode(driver: string, info: NodeInfo | undefined, signal: AbortSignal): Promise<void> {
    const { client, nodeName } = this.#options;
    if (client === undefined) return;
    await this.#persist(async () => {
      const name = { name: nodeName };
      const body = nodePatch(await client.get(NODES, name, signal), driver, info);
      if (body === undefined) return;
      const patch = { type: 'strategic-merge', subresource: 'status', body } as const;
      await client.patch(NODES, name, patch, signal);
    }, signal);
  }

  async #changeCsiNode(
    change: (found: CsiNode) => CsiNode | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const { client, nodeName, node } = this.#options;
    if (client === undefined) return;
    const nodeUid = (await node(signal)).metadata?.uid ?? '';
    await this.#persist(async () => {
      const found = await this.#own(client, nodeUid, signal);
      if (found === undefined) {
        const empty = emptyCsiNode(nodeName, nodeUid);
        await client.create(CSI_NODES, change(empty) ?? empty, signal);
        return;
      }
      const changed = change(found);
      if (changed !== undefined) await client.replace(CSI_NODES, changed, {}, signal);
    }, signal);
  }

  /** The CSINode of this node; one of an earlier node of the same name is deleted first. */
  async #own(
    client: KubeClient,
    nodeUid: string,
    signal: AbortSignal,
  ): Promise<CsiNode | undefined> {
    const name = { name: this.#options.nodeName };
    const look = client.get(CSI_NODES, name, signal).then(checkedCsiNode);
    const found = await look.catch((error: unknown) => {
      if (isKubeError(error, 'KUBE_NOT_FOUND')) return undefined;
      throw error;
    });
    if (found === undefined || !isOfAnotherNode(found, nodeUid)) return found;
    await client.delete(CSI_NODES, name, {}, signal);
    return undefined;
  }

  /** Other clients write to the same objects, so a conflict leads to another attempt. */
  async #persist(write: () => Promise<void>, signal: AbortSignal): Promise<void> {
    for (const waitMs of RETRY_MS) {
      try {
        await write();
        return;
      } catch (error) {
        signal.throwIfAborted();
        if (!isKubeError(error)) throw error;
      }
      await this.#options.clock.sleep(waitMs, signal);
    }
    await write();
  }
}
