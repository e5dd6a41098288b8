import type { FlowSchema, PriorityLevelConfiguration } from '../generated/api-types.js';
import type { Resource } from '../resource.js';

/* @__NO_SIDE_EFFECTS__ */
function flowControl<T>(plural: string, kind: string): Resource<T> {
  return { group: 'flowcontrol.apiserver.k8s.io', version: 'v1', plural, kind, namespaced: false };
}

/**
 * `flowcontrol.apiserver.k8s.io/v1`, without namespaces: which requests to the API server belong to
 * which level of priority. Subresource: `status`.
 */
export const FLOW_SCHEMAS = flowControl<FlowSchema>('flowschemas', 'FlowSchema');
/**
 * `flowcontrol.apiserver.k8s.io/v1`, without namespaces: how many requests of a level the API server
 * works on at a time, and how many wait. Subresource: `status`.
 */
export const PRIORITY_LEVEL_CONFIGURATIONS = flowControl<PriorityLevelConfiguration>(
  'prioritylevelconfigurations',
  'PriorityLevelConfiguration',
);
