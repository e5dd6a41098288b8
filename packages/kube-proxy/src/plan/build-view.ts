import type { EndpointSlice, Service } from '@nodeagent/kube-client';

import { canonicalCidr, type IpFamily } from '../model/address.js';
import { projectSlice } from '../model/endpoint.js';
import { projectService } from '../model/service.js';
import type { Topology } from './categorize-endpoints.js';
import { type NodeView, NodeViewBuilder } from './node-view.js';
import { ChangeTracker } from './track-changes.js';

/** Objects of a cluster, in any order. */
export interface ViewInput {
  readonly services: readonly Service[];
  readonly slices: readonly EndpointSlice[];
  readonly serviceCidrs?: readonly string[];
}

const OTHER_PROXY = 'service.kubernetes.io/service-proxy-name';
const HEADLESS = 'service.kubernetes.io/headless';

/**
 * Builds the view of a node as if these were all objects of the cluster. Leaves out headless
 * Services and those that other proxies serve, as the API server's selectors do for a running
 * proxy.
 */
export function buildView(input: ViewInput, family: IpFamily, topology: Topology): NodeView {
  const tracker = new ChangeTracker(0);
  const builder = new NodeViewBuilder(tracker, family, topology);
  for (const service of input.services) {
    if (service.metadata?.labels?.[OTHER_PROXY] !== undefined) continue;
    tracker.setService(nameOf(service), projectService(service)[family]);
  }
  for (const slice of input.slices) {
    if (slice.metadata?.labels?.[HEADLESS] !== undefined) continue;
    const kept = projectSlice(slice, topology.nodeName);
    if (kept?.family === family) tracker.setSlice(nameOf(slice), kept);
  }
  builder.setServiceCidrs((input.serviceCidrs ?? []).flatMap((cidr) => canonicalCidr(cidr) ?? []));
  builder.update();
  return builder.view;
}

function nameOf({ metadata }: Service | EndpointSlice): string {
  return `${metadata?.namespace ?? ''}/${metadata?.name ?? ''}`;
}
