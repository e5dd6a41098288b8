import { encodeAddress } from '@nodeagent/netlink-codec';

import { formatAddress, formatEndpoint } from '../model/address.js';
import type { DestinationOutline, Outline } from '../model/outline.js';
import { formatServiceId, type Protocol } from '../model/service.js';

/**
 * The kernel's names for forwarding methods in this file: one word for all tunnels, and no word for
 * `bypass`.
 */
const FORWARDING: Readonly<Record<string, DestinationOutline['forwarding']>> = {
  Masq: 'masquerade',
  Local: 'local',
  Tunnel: 'tunnel',
  Route: 'direct',
};

const SERVICE = /^(TCP|UDP|SCTP) +(\S+):([0-9A-F]{4}) /;
const DESTINATION = /^ {2}-> (\S+):([0-9A-F]{4}) +([A-Z][a-z]+) +(\d{1,10}) +\d+ +\d+ *$/;

/**
 * Reads /proc/net/ip_vs. Leaves out services by mark, because the file does not name their family,
 * and services with a line that cannot be read.
 *
 * @see Linux net/netfilter/ipvs/ip_vs_ctl.c, ip_vs_info_seq_show
 */
export function parseProcTable(text: string): Outline {
  const outline = new Map<string, DestinationOutline[]>();
  let current = '';
  for (const line of text.split('\n')) {
    if (!line.startsWith('  ->')) {
      current = readService(line) ?? '';
      if (current !== '') outline.set(current, []);
      continue;
    }
    const destination = readDestination(line);
    if (destination === undefined) outline.delete(current);
    else outline.get(current)?.push(destination);
  }
  return outline;
}

function readService(line: string): string | undefined {
  const [, name = '', host = '', port = ''] = SERVICE.exec(line) ?? [];
  const address = readAddress(host);
  if (address === undefined) return undefined;
  const protocol = name.toLowerCase() as Protocol;
  return formatServiceId({ kind: 'address', protocol, address, port: Number.parseInt(port, 16) });
}

function readDestination(line: string): DestinationOutline | undefined {
  const [, host = '', port = '', method = '', weight = ''] = DESTINATION.exec(line) ?? [];
  const forwarding = FORWARDING[method];
  const address = readAddress(host);
  if (forwarding === undefined || address === undefined) return undefined;
  const key = formatEndpoint(address, Number.parseInt(port, 16));
  return { key, forwarding, weight: Number(weight) };
}

/** @param text `0A600001`, or a full IPv6 address between brackets */
function readAddress(text: string): string | undefined {
  const isV4 = /^[0-9A-F]{8}$/.test(text);
  const bytes = isV4 ? Buffer.from(text, 'hex') : encodeAddress(/^\[(.*)\]$/.exec(text)?.[1] ?? '');
  return bytes === undefined ? undefined : formatAddress(bytes);
}
