import type { KubeletConfig } from '../../config/index.js';

/** Limit of requests to the API server; a value of 0 stands for the Go client's own default. */
export function apiRateLimit(
  config: Pick<KubeletConfig, 'kubeAPIQPS' | 'kubeAPIBurst'>,
): Readonly<{ perSecond: number; burst: number }> {
  return { perSecond: config.kubeAPIQPS || 5, burst: config.kubeAPIBurst || 10 };
}

/** Limit of requests that report events, so that a flood of them delays nothing else. */
export function eventRateLimit(
  config: Pick<KubeletConfig, 'eventRecordQPS' | 'eventBurst'>,
): Readonly<{ perSecond: number; burst: number }> {
  return { perSecond: config.eventRecordQPS || 5, burst: config.eventBurst || 10 };
}

/**
 * Time limit of a request that reports the node's status or renews its lease: the next one follows
 * by then.
 *
 * @see Kubernetes 1.36 cmd/kubelet/app/server.go, heartbeatClientConfig.Timeout
 */
export function heartbeatTimeoutMs(
  config: Pick<KubeletConfig, 'nodeLeaseDurationSeconds' | 'nodeStatusUpdateFrequencyMs'>,
): number {
  const { nodeStatusUpdateFrequencyMs, nodeLeaseDurationSeconds } = config;
  return Math.min(nodeStatusUpdateFrequencyMs, nodeLeaseDurationSeconds * 1000);
}

/** Address of the container runtime and the limit of a single call. */
export interface RuntimeConnection {
  readonly endpoint: string;
  /** Undefined if the runtime itself serves images. */
  readonly imageEndpoint: string | undefined;
  readonly requestTimeoutMs: number;
}

/** Selects the addresses and the deadline of the container runtime from the configuration. */
export function runtimeConnection(
  config: Pick<
    KubeletConfig,
    'containerRuntimeEndpoint' | 'imageServiceEndpoint' | 'runtimeRequestTimeoutMs'
  >,
): RuntimeConnection {
  const { containerRuntimeEndpoint, imageServiceEndpoint, runtimeRequestTimeoutMs } = config;
  return {
    endpoint: containerRuntimeEndpoint,
    imageEndpoint: imageServiceEndpoint === '' ? undefined : imageServiceEndpoint,
    requestTimeoutMs: runtimeRequestTimeoutMs,
  };
}
