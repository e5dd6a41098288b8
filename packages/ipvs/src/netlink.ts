import { createSystemClock } from '@nodeagent/base/system';
import { openNetlinkSocket, PROTOCOL } from '@nodeagent/netlink-codec/socket';

import { readProcTable } from './adapters/read-proc-table.js';
import type { Ipvs } from './ports.js';
import { KernelIpvs } from './run/kernel-ipvs.js';

export { readProcTable };

/**
 * Opens the IPVS tables of the network namespace that this process is in. The connection is made at
 * the first call and keeps the process alive until `close()`.
 *
 * @example
 * ```typescript
 * import { readTable, renderSave } from '@nodeagent/ipvs';
 * import { openIpvs } from '@nodeagent/ipvs/netlink';
 *
 * const ipvs = openIpvs();
 * process.stdout.write(renderSave(await readTable(ipvs)));
 * ipvs.close();
 * ```
 */
export function openIpvs(): Ipvs {
  return new KernelIpvs({
    open: () => openNetlinkSocket({ protocol: PROTOCOL.generic }),
    clock: createSystemClock(),
    readProcTable,
  });
}
