import { readFileSync } from 'node:fs';

import type { EndpointSlice, Service } from '@nodeagent/kube-client';
import { createSpawnRunner } from '@nodeagent/netfilter/spawn';
import { openNetlinkSocket, PROTOCOL } from '@nodeagent/netlink-codec/socket';

import {
  createForwardSockets,
  createHostInterfaces,
  createProcSysctl,
  readIpvsTable,
} from '../../src/adapters/index.js';
import { startProxy } from '../integration/running-proxy.js';

interface Order {
  readonly objects: readonly (Service | EndpointSlice)[];
  readonly config: object;
}

/**
 * Runs a whole proxy on the kernel of this process's network namespace, until standard input ends.
 */
const [, , , orderFile = ''] = process.argv;
const { objects, config } = JSON.parse(readFileSync(orderFile, 'utf8')) as Order;
const proxy = startProxy(undefined, objects, config, {
  commands: createSpawnRunner(),
  sysctl: createProcSysctl(),
  interfaces: createHostInterfaces(),
  sockets: createForwardSockets(),
  openNetlink: async (protocol) => openNetlinkSocket({ protocol: PROTOCOL[protocol] }),
  readIpvsTable,
});
process.stdin.resume();
await Promise.race([new Promise((resolve) => process.stdin.once('end', resolve)), proxy.ended]);
await proxy.stop();
console.error(proxy.log.lines.map((line) => JSON.stringify(line, errorText)).join('\n'));

function errorText(_key: string, value: unknown): unknown {
  return value instanceof Error ? value.message : value;
}
