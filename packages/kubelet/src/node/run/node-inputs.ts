import type { ImageService, RuntimeService } from '@nodeagent/cri-client';
import type { EventRecorder, Node } from '@nodeagent/kube-client';
import type { NodeEvents, NodeInputs } from '@nodeagent/node-status';

export interface NodeInputsOptions {
  readonly cri: Pick<RuntimeService, 'status' | 'version'>;
  readonly images: Pick<ImageService, 'listImages'>;
  /** The reason that changes in the runtime go unnoticed; undefined while they are noticed. */
  readonly eventsProblem: () => string | undefined;
  /** The reason that no pod can start on this node; undefined while pods can start. */
  readonly podsProblem: () => string | undefined;
  /** The reason that volumes cannot be used yet; `settled` awaits the first attempt to end it. */
  readonly storage?: Readonly<{
    problem: () => string | undefined;
    settled: (signal: AbortSignal) => Promise<void>;
  }>;
  readonly isShuttingDown: () => boolean;
  /** Undefined until the volumes are known. */
  readonly volumesInUse: () => readonly string[] | undefined;
  readonly node: () => Node | undefined;
  /** Resources that the node is short of. */
  readonly pressure: NonNullable<NodeInputs['pressure']>;
}

/** The node status's facts about the runtime and its images. */
export function createNodeInputs(options: NodeInputsOptions): NodeInputs {
  const { cri, images, eventsProblem, podsProblem, storage, volumesInUse, node, pressure } =
    options;
  const { isShuttingDown } = options;
  return {
    runtimeStatus: async (signal) => {
      const { conditions, handlers, features } = await cri.status(signal);
      const { supplementalGroupsPolicy } = features;
      return { conditions, handlers, supplementalGroupsPolicy };
    },
    runtimeVersion: async (signal) => {
      const { runtimeName, runtimeVersion } = await cri.version(signal);
      return { name: runtimeName, version: runtimeVersion };
    },
    images: (signal) => images.listImages({}, signal),
    problems: () => {
      const [events, pods] = [eventsProblem(), podsProblem()];
      const runtime = [
        ...(events === undefined ? [] : [`PLEG is not healthy: ${events}`]),
        ...(pods === undefined ? [] : [pods]),
      ];
      const volumes = storage?.problem();
      return {
        runtime,
        storage: volumes === undefined ? [] : [volumes],
        shuttingDown: isShuttingDown(),
      };
    },
    settled: async (signal) => storage?.settled(signal),
    volumesInUse,
    node,
    pressure,
  };
}

/**
 * Records events about the node. They have no uid, so that `kubectl describe node` finds all of
 * them.
 */
export function createNodeEvents(recorder: EventRecorder, nodeName: string): NodeEvents {
  const about = { apiVersion: 'v1', kind: 'Node', name: nodeName };
  return {
    normal: (reason, message) => recorder.record({ about, type: 'Normal', reason, message }),
    warning: (reason, message) => recorder.record({ about, type: 'Warning', reason, message }),
  };
}
