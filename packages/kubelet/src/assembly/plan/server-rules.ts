import type { KubeletConfig } from '../../config/index.js';
import type { TlsSettings } from '../../server/index.js';

/** Requirements of the node API for its callers. */
export interface CallerRules {
  readonly anonymous: boolean;
  /** True if the API server is asked about bearer tokens. */
  readonly tokens: boolean;
  readonly authorization: KubeletConfig['authorization']['mode'];
  readonly tokenTtlMs: number;
  readonly authorizedTtlMs: number;
  readonly unauthorizedTtlMs: number;
}

export function callerRules(
  config: Pick<KubeletConfig, 'authentication' | 'authorization'>,
): CallerRules {
  const { anonymous, webhook } = config.authentication;
  const { mode, webhook: authorization } = config.authorization;
  return {
    anonymous: anonymous.enabled,
    tokens: webhook.enabled,
    authorization: mode,
    tokenTtlMs: webhook.cacheTtlMs,
    authorizedTtlMs: authorization.cacheAuthorizedTtlMs,
    unauthorizedTtlMs: authorization.cacheUnauthorizedTtlMs,
  };
}

/** Address of a listener, and how long it keeps silent streams. */
export interface ListenerRules {
  readonly address: string;
  readonly port: number;
  readonly streamIdleTimeoutMs: number;
}

/** The listener with TLS; undefined paths stand for certificates that the kubelet makes or gets. */
export interface SecureListenerRules extends ListenerRules {
  readonly tls: TlsSettings;
  readonly files: Readonly<{ certificate: string; key: string }> | undefined;
  /** True if the cluster signs the certificate. */
  readonly isIssued: boolean;
  readonly clientCaFile: string | undefined;
}

/** @returns undefined if the node API is off */
export function secureListener(config: KubeletConfig): SecureListenerRules | undefined {
  const { address, port, tls, tlsCertFile, tlsPrivateKeyFile, authentication } = config;
  if (!config.enableServer) return undefined;
  const { clientCAFile } = authentication.x509;
  const hasFiles = tlsCertFile !== '';
  return {
    ...{ address, port, tls, streamIdleTimeoutMs: config.streamingConnectionIdleTimeoutMs },
    files: hasFiles ? { certificate: tlsCertFile, key: tlsPrivateKeyFile } : undefined,
    isIssued: config.serverTLSBootstrap && !hasFiles,
    clientCaFile: clientCAFile === '' ? undefined : clientCAFile,
  };
}

/** @returns undefined if there is no listener without TLS */
export function plainListener(config: KubeletConfig): ListenerRules | undefined {
  const { address, readOnlyPort: port, streamingConnectionIdleTimeoutMs } = config;
  if (!config.enableServer || port === 0) return undefined;
  return { address, port, streamIdleTimeoutMs: streamingConnectionIdleTimeoutMs };
}

/** Pages of the node API that the configuration can switch off. */
export function pageRules(
  config: KubeletConfig,
): Readonly<Record<'debug' | 'journal' | 'profiles' | 'systemLogs' | 'verbosity', boolean>> {
  return {
    debug: config.enableDebuggingHandlers,
    systemLogs: config.enableSystemLogHandler,
    journal: config.enableSystemLogQuery,
    profiles: config.enableProfilingHandler,
    verbosity: config.enableDebugFlagsHandler,
  };
}

/** Address of the health server, which has no TLS; port 0 switches it off. */
export function healthListener(config: KubeletConfig): Readonly<{ address: string; port: number }> {
  return { address: config.healthzBindAddress, port: config.healthzPort };
}

/** Limits of container logs. */
export function logRotationRules(
  config: KubeletConfig,
): Readonly<Record<'maxBytes' | 'maxFiles' | 'workers' | 'periodMs', number>> {
  return {
    maxBytes: config.containerLogMaxBytes,
    maxFiles: config.containerLogMaxFiles,
    workers: config.containerLogMaxWorkers,
    periodMs: config.containerLogMonitorIntervalMs,
  };
}
