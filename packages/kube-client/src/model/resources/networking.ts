import type {
  Ingress,
  IngressClass,
  IpAddress,
  NetworkPolicy,
  ServiceCidr,
} from '../generated/api-types.js';
import type { Resource } from '../resource.js';

/* @__NO_SIDE_EFFECTS__ */
function networking<T>(plural: string, kind: string, namespaced: boolean): Resource<T> {
  return { group: 'networking.k8s.io', version: 'v1', plural, kind, namespaced };
}

/**
 * `networking.k8s.io/v1`, without namespaces: ranges of cluster IPs, since Kubernetes 1.33.
 * Subresource: `status`.
 */
export const SERVICE_CIDRS = networking<ServiceCidr>('servicecidrs', 'ServiceCIDR', false);
/**
 * `networking.k8s.io/v1`, without namespaces: a cluster IP that is taken, named by the address and
 * written by the API server; since Kubernetes 1.33.
 */
export const IP_ADDRESSES = networking<IpAddress>('ipaddresses', 'IPAddress', false);
/**
 * `networking.k8s.io/v1`, by namespace: which connections pods may have. The network plug-in enforces
 * them.
 */
export const NETWORK_POLICIES = networking<NetworkPolicy>('networkpolicies', 'NetworkPolicy', true);
/**
 * `networking.k8s.io/v1`, by namespace: which Service answers HTTP requests from outside, by host and
 * path. Subresource: `status`.
 */
export const INGRESSES = networking<Ingress>('ingresses', 'Ingress', true);
/** `networking.k8s.io/v1`, without namespaces: names of controllers that carry out Ingresses. */
export const INGRESS_CLASSES = networking<IngressClass>('ingressclasses', 'IngressClass', false);
