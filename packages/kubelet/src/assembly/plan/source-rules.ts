import type { KubeletConfig } from '../../config/index.js';

/** Sources of static pods, and how often each is read. */
export interface StaticSources {
  /** Directory or file of manifests. */
  readonly files: Readonly<{ path: string; checkMs: number }> | undefined;
  readonly url:
    | Readonly<{ url: string; headers: KubeletConfig['staticPodURLHeader']; checkMs: number }>
    | undefined;
}

export function staticSourcesOf(config: KubeletConfig): StaticSources {
  const { staticPodPath: path, staticPodURL: url, staticPodURLHeader: headers } = config;
  return {
    files: path === '' ? undefined : { path, checkMs: config.fileCheckFrequencyMs },
    url: url === '' ? undefined : { url, headers, checkMs: config.httpCheckFrequencyMs },
  };
}

/** Maximum age of cached config maps and secrets; the Node's annotation overrides it. */
const OBJECT_TTL_MS = 60_000;
const TTL_ANNOTATION = 'node.alpha.kubernetes.io/ttl';

/**
 * Maximum age of the config maps and secrets that pods use; undefined if they are watched.
 *
 * @param annotations of the Node; the API server's TTL controller writes one of them
 */
export function objectTtlMs(
  {
    configMapAndSecretChangeDetectionStrategy: strategy,
  }: Pick<KubeletConfig, 'configMapAndSecretChangeDetectionStrategy'>,
  annotations: Readonly<Record<string, string>> | undefined,
): number | undefined {
  if (strategy === 'Watch') return undefined;
  if (strategy === 'Get') return 0;
  const seconds = annotations?.[TTL_ANNOTATION];
  return seconds !== undefined && /^\d+$/.test(seconds) ? Number(seconds) * 1000 : OBJECT_TTL_MS;
}
