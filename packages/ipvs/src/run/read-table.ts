import { isIpvsError } from '../model/errors.js';
import type { DestinationState, ServiceState } from '../model/state.js';
import type { VirtualServer } from '../plan/diff.js';
import type { Ipvs } from '../ports.js';

/**
 * Reads the whole table: one dump of the services and one of each service's destinations. Leaves
 * out a service that is deleted meanwhile.
 */
export async function readTable(
  ipvs: Ipvs,
  signal?: AbortSignal,
): Promise<readonly VirtualServer<ServiceState, DestinationState>[]> {
  const servers: VirtualServer<ServiceState, DestinationState>[] = [];
  for (const service of await ipvs.listServices(signal)) {
    try {
      servers.push({ service, destinations: await ipvs.listDestinations(service.id, signal) });
    } catch (error) {
      if (!isIpvsError(error, 'IPVS_SERVICE_MISSING')) throw error;
    }
  }
  return servers;
}
