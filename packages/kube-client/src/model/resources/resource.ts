import type {
  DeviceClass,
  DeviceTaintRule,
  ResourceClaim,
  ResourceClaimTemplate,
  ResourcePoolStatusRequest,
  ResourceSlice,
} from '../generated/api-types.js';
import type { Resource } from '../resource.js';

/* @__NO_SIDE_EFFECTS__ */
function devices<T>(plural: string, kind: string, namespaced: boolean): Resource<T> {
  return { group: 'resource.k8s.io', version: 'v1', plural, kind, namespaced };
}

/** `resource.k8s.io/v1`, without namespaces: which devices a claim means when it names the class. */
export const DEVICE_CLASSES = devices<DeviceClass>('deviceclasses', 'DeviceClass', false);
/**
 * `resource.k8s.io/v1`, by namespace: a pod's wish for devices, and those that it got. Subresource:
 * `status`.
 */
export const RESOURCE_CLAIMS = devices<ResourceClaim>('resourceclaims', 'ResourceClaim', true);
/** `resource.k8s.io/v1`, by namespace: the claim that each pod of a workload gets for itself. */
export const RESOURCE_CLAIM_TEMPLATES = devices<ResourceClaimTemplate>(
  'resourceclaimtemplates',
  'ResourceClaimTemplate',
  true,
);
/** `resource.k8s.io/v1`, without namespaces: devices that a driver offers, of one node or of several. */
export const RESOURCE_SLICES = devices<ResourceSlice>('resourceslices', 'ResourceSlice', false);
/**
 * `resource.k8s.io/v1beta2`, without namespaces, off by default in API servers (gate
 * `DRADeviceTaintRules`): keeps pods off devices, or drives them away. Subresource: `status`.
 */
export const DEVICE_TAINT_RULES: Resource<DeviceTaintRule> = {
  group: 'resource.k8s.io',
  version: 'v1beta2',
  plural: 'devicetaintrules',
  kind: 'DeviceTaintRule',
  namespaced: false,
};
/**
 * `resource.k8s.io/v1alpha3`, without namespaces, off by default in API servers (gate
 * `DRAResourcePoolStatus`): asks once how many devices of a driver's pools are free. Subresource:
 * `status`.
 */
export const RESOURCE_POOL_STATUS_REQUESTS: Resource<ResourcePoolStatusRequest> = {
  group: 'resource.k8s.io',
  version: 'v1alpha3',
  plural: 'resourcepoolstatusrequests',
  kind: 'ResourcePoolStatusRequest',
  namespaced: false,
};
