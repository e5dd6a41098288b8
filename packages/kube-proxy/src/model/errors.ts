import { codedError, errorGuard } from '@nodeagent/base';

/**
 * `PROXY_SYSCTL` a kernel setting cannot be read or written · `PROXY_NO_FAMILY` neither address
 * family, or not the node's first, can be programmed · `PROXY_NODE` the node's name, object or pod
 * range is missing · `PROXY_LISTEN` an HTTP server cannot listen · `PROXY_CONFIG_CHANGED` the
 * configuration or the node's pod range changed under the running process, which must restart ·
 * `PROXY_INTERFACE` the dummy interface of ipvs mode cannot be used · `PROXY_MODE_UNAVAILABLE` this
 * machine lacks something that the mode needs · `PROXY_CLEANUP` something could not be removed ·
 * `PROXY_EXPLAIN` something cannot be explained without a machine.
 */
export type ProxyErrorCode =
  | 'PROXY_SYSCTL'
  | 'PROXY_NO_FAMILY'
  | 'PROXY_NODE'
  | 'PROXY_LISTEN'
  | 'PROXY_CONFIG_CHANGED'
  | 'PROXY_CLEANUP'
  | 'PROXY_INTERFACE'
  | 'PROXY_MODE_UNAVAILABLE'
  | 'PROXY_EXPLAIN';

export class ProxyError extends codedError<ProxyErrorCode>('ProxyError') {}

/** Matches the name and, where any are given, the codes. */
export const isProxyError = errorGuard(ProxyError);
