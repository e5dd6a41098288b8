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
  /** Begins the name of its folder; `cluster` when absent. */
  readonly name?: string;
  /** `web` and `busybox` when absent. */
  readonly images?: readonly TestImage[];
  /** Which API server: `KUBECONFIG`, else `KUBEBUILDER_ASSETS`, else the embedded one. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Laid over the KubeletConfiguration's top level. */
  readonly kubeletConfig?: Readonly<Record<string, unknown>>;
  /** More flags for the two programs, and for our controllers where those run. */
  readonly flags?: Readonly<
    Partial<Record<'kubelet' | 'proxy' | 'controllers', readonly string[]>>
  >;
  /** For another containerd than the installed one. */
  readonly containerd?: Pick<ContainerdOptions, 'programs'>;
  /** Puts a relay that can be cut between kubelet and containerd; the tests' own calls pass it by. */
  readonly cuttable?: boolean;
  /** Puts a relay between kubelet and containerd's image service that can answer for it. */
  readonly imageRelay?: boolean;
  /** Told before each step: `starting containerd`. */
  readonly onStep?: (step: string) => void;
  /** Gives up and cleans up when it fires; afterwards nothing more starts on the node. */
  readonly signal?: AbortSignal;
}

/** A node with everything on it, and an API server to talk to. */
export interface Cluster {
  readonly space: NodeSpace;
  /** Unique on this machine: for a cluster that others use too. */
  readonly nodeName: string;
  readonly controlPlane: ControlPlane;
  /** The administrator's; works on this machine. */
  readonly kubeconfig: string;
  readonly containerd: Containerd;
  /** Between kubelet and containerd, if it was asked for. */
  readonly runtimeRelay?: SocketRelay;
  /** Between kubelet and containerd's image service, if it was asked for. */
  readonly imageRelay?: CallRelay;
  readonly kubelet: Agent;
  readonly proxy: Agent;
  /** GET from the node itself, as its programs and pods see it; rejects but for 2xx. */
  get(url: string): Promise<string>;
  /** @throws {TestbedError} `TESTBED_PROCESS_ENDED` when one of the programs is not running */
  assertRunning(): void;
  /** Ends everything and removes every trace. */
  stop(): Promise<void>;
}

/** @throws the signal's reason, or what went wrong, when every trace is removed again */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const { onStep = () => undefined, env = process.env } = options;
  onStep('making a network namespace for the node');
  options.signal?.throwIfAborted();
  const space = await createNodeSpace({
    name: options.name ?? 'cluster',
    ...(options.signal && { signal: options.signal }),
  });
  try {
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
    // `wget -T` would do, but Debian's static busybox crashes on it.
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
