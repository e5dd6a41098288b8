import { join } from 'node:path';

import { type Agent, startKubelet, startProxy } from './agents.ts';
import { type CallRelay, startCallRelay } from './call-relay.ts';
import { createCgroups } from './cgroups.ts';
import { type Containerd, type ContainerdOptions, startContainerd } from './containerd.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import type { TestImage } from './images.ts';
import { createNodeSpace, type NodeSpace } from './node-space.ts';
import { type SocketRelay, startSocketRelay } from './socket-relay.ts';

export interface ClusterOptions {
  /** The start of its folder's name; `cluster` when absent. */
  readonly name?: string;
  /** `web` and `busybox` when absent. */
  readonly images?: readonly TestImage[];
  /** Selects the API server: `KUBECONFIG`, else `KUBEBUILDER_ASSETS`, else the embedded one. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Replaces fields at the top level of the KubeletConfiguration. */
  readonly kubeletConfig?: Readonly<Record<string, unknown>>;
  /** Extra flags for the two programs, and for our controllers if they run. */
  readonly flags?: Readonly<
    Partial<Record<'kubelet' | 'proxy' | 'controllers', readonly string[]>>
  >;
  /** The programs of a containerd other than the installed one. */
  readonly containerd?: Pick<ContainerdOptions, 'programs'>;
  /**
   * Adds a relay that can be cut between kubelet and containerd; the tests' own calls bypass it.
   */
  readonly cuttable?: boolean;
  /** Adds a relay between kubelet and containerd's image service that can answer in its place. */
  readonly imageRelay?: boolean;
  /** Called before any program starts in the space. */
  readonly prepare?: (space: NodeSpace) => Promise<void>;
  /** Called before each step: `starting containerd`. */
  readonly onStep?: (step: string) => void;
  /** Cancels the start and cleans up when it fires; nothing more starts on the node afterwards. */
  readonly signal?: AbortSignal;
}

/** A node with all its programs, and an API server. */
export interface Cluster {
  readonly space: NodeSpace;
  /** Unique on this machine, for a cluster that others use too. */
  readonly nodeName: string;
  readonly controlPlane: ControlPlane;
  /** The administrator's kubeconfig; works on this machine. */
  readonly kubeconfig: string;
  readonly containerd: Containerd;
  /** The relay between kubelet and containerd, if requested. */
  readonly runtimeRelay?: SocketRelay;
  /** The relay between kubelet and containerd's image service, if requested. */
  readonly imageRelay?: CallRelay;
  readonly kubelet: Agent;
  readonly proxy: Agent;
  /**
   * Makes a GET request from the node itself, as its programs and pods would; rejects unless the
   * status is 2xx.
   */
  get(url: string): Promise<string>;
  /** @throws {TestbedError} `TESTBED_PROCESS_ENDED` when one of the programs is not running */
  assertRunning(): void;
  /** Ends everything and removes every trace. */
  stop(): Promise<void>;
}

/** @throws the signal's reason or the failure, after every trace has been removed */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const { onStep = () => undefined, env = process.env } = options;
  onStep('making a network namespace for the node');
  options.signal?.throwIfAborted();
  const space = await createNodeSpace({
    name: options.name ?? 'cluster',
    ...(options.signal && { signal: options.signal }),
  });
  try {
    await options.prepare?.(space);
    return await startIn(space, { ...options, onStep, env });
  } catch (error) {
    await space.remove();
    throw options.signal?.aborted === true ? options.signal.reason : error;
  }
}

type Chosen = ClusterOptions & Required<Pick<ClusterOptions, 'onStep' | 'env'>>;

async function startIn(space: NodeSpace, options: Chosen): Promise<Cluster> {
  const { onStep, env, images = ['web', 'busybox'], kubeletConfig, flags } = options;
  const nodeName = space.id;
  onStep('starting the API server');
  const controlPlane = await startControlPlane(space, nodeName, env, flags?.controllers);
  onStep('starting containerd');
  const containerd = await startContainerd({ ...options.containerd, space, images });
  const runtimeRelay = options.cuttable
    ? await startSocketRelay(join(space.runDir, 'cri.sock'), socketOf(containerd))
    : undefined;
  const imageRelay = options.imageRelay
    ? await startCallRelay(join(space.runDir, 'images.sock'), socketOf(containerd))
    : undefined;
  onStep('starting kubelet');
  await createCgroups(space.id);
  const kubelet = await startKubelet(space, {
    nodeName,
    kubeconfig: controlPlane.kubeletKubeconfig,
    criEndpoint: (runtimeRelay ?? containerd).endpoint,
    ...(controlPlane.kubeletClientCa && { clientCa: controlPlane.kubeletClientCa }),
    config: {
      ...(imageRelay && { imageServiceEndpoint: imageRelay.endpoint }),
      ...kubeletConfig,
    },
    ...(flags?.kubelet && { flags: flags.kubelet }),
  });
  onStep('starting kube-proxy');
  const proxy = await startProxy(space, {
    nodeName,
    kubeconfig: controlPlane.proxyKubeconfig,
    ...(flags?.proxy && { flags: flags.proxy }),
  });
  return {
    space,
    nodeName,
    controlPlane,
    kubeconfig: controlPlane.adminKubeconfig,
    containerd,
    ...(runtimeRelay && { runtimeRelay }),
    ...(imageRelay && { imageRelay }),
    kubelet,
    proxy,
    // `wget -T` would work too, but Debian's static busybox crashes on it.
    get: (url) => space.run(['timeout', '5', 'busybox', 'wget', '-q', '-O', '-', url]),
    assertRunning: () => [controlPlane, kubelet, proxy].forEach((part) => part.assertRunning()),
    stop: async () => {
      await Promise.all([kubelet.stop(), proxy.stop()]);
      await controlPlane.stop();
      await runtimeRelay?.cut();
      await imageRelay?.stop();
      await space.remove();
    },
  };
}

function socketOf({ endpoint }: Containerd): string {
  return endpoint.replace(/^unix:\/\//, '');
}
