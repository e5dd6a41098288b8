import type { KubeletConfig } from '../../config/index.js';

/** Limit of requests to the API server; a value of 0 stands for the Go client's own default. */
export function apiRateLimit(
  config: Pick<KubeletConfig, 'kubeAPIQPS' | 'kubeAPIBurst'>,
): Readonly<{ perSecond: number; burst: number }> {
  return { perSecond: config.kubeAPIQPS || 5, burst: config.kubeAPIBurst || 10 };
}

/** Address of the container runtime and the limit of a single call. */
export interface RuntimeConnection {
  readonly endpoint: string;
  /** Undefined if the runtime itself serves images. */
  readonly imageEndpoint: string | undefined;
  readonly requestTimeoutMs: number;
}

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
