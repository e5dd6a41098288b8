import { formatEndpoint } from '../model/address.js';
import { type Destination, destinationKey, type Forwarding } from '../model/destination.js';
import {
  type SchedulerFlag,
  type Service,
  serviceFamily,
  type ServiceId,
} from '../model/service.js';
import type { VirtualServer } from '../plan/diff.js';

/**
 * Renders the format that `ipvsadm -S -n` prints and `ipvsadm -R` reads, one command per line.
 * Includes thresholds, which ipvsadm leaves out; `local` and `bypass` become `-g`, because ipvsadm
 * has no word for them.
 */
export function renderSave(servers: readonly VirtualServer[]): string {
  const lines = servers.flatMap(({ service, destinations }) => {
    const name = serviceWords(service.id);
    return [
      `-A ${name}${serviceOptions(service)}`,
      ...destinations.map((destination) => `-a ${name}${destinationOptions(destination)}`),
    ];
  });
  return lines.map((line) => `${line}\n`).join('');
}

const PROTOCOL_SWITCH = { tcp: '-t', udp: '-u', sctp: '--sctp-service' } as const;

/** `-t 10.0.0.1:80`, `-f 7 -6` */
export function serviceWords(id: ServiceId): string {
  if (id.kind === 'mark') return `-f ${id.mark}${id.family === 'IPv6' ? ' -6' : ''}`;
  return `${PROTOCOL_SWITCH[id.protocol]} ${formatEndpoint(id.address, id.port)}`;
}

function serviceOptions(service: Service): string {
  const { id, scheduler, persistence, persistenceEngine, onePacket } = service;
  const words = [` -s ${scheduler}`];
  if (persistence !== undefined) {
    words.push(` -p ${persistence.timeoutSeconds}`);
    const mask = formatMask(serviceFamily(id) === 'IPv4', persistence.prefixLength);
    if (mask !== undefined) words.push(` -M ${mask}`);
  }
  if (onePacket) words.push(' -o');
  if (persistenceEngine !== undefined) words.push(` --pe ${persistenceEngine}`);
  const flags = service.schedulerFlags.map((flag) => flagName(scheduler, flag)).join();
  if (flags !== '') words.push(` -b ${flags}`);
  return words.join('');
}

/** @returns undefined for a mask under which every client counts for itself */
export function formatMask(isV4: boolean, prefixLength: number): string | undefined {
  if (prefixLength === (isV4 ? 32 : 128)) return undefined;
  if (!isV4) return String(prefixLength);
  const mask = (0xffff_ffff << (32 - prefixLength)) >>> 0;
  return [24, 16, 8, 0].map((shift) => (mask >>> shift) & 0xff).join('.');
}

/** Returns `sh-port` for flag 2 of `sh`, or `flag-2` when the scheduler has no name for it. */
export function flagName(scheduler: string, flag: SchedulerFlag): string {
  const named = scheduler === 'sh' || scheduler === 'mh';
  if (named && flag === 1) return `${scheduler}-fallback`;
  if (named && flag === 2) return `${scheduler}-port`;
  return `flag-${flag}`;
}

function destinationOptions(destination: Destination): string {
  const { weight, upperThreshold, lowerThreshold, forwarding } = destination;
  const words = [` -r ${destinationKey(destination)} ${forwardingSwitch(forwarding)} -w ${weight}`];
  if (upperThreshold > 0) words.push(` -x ${upperThreshold}`);
  if (lowerThreshold > 0) words.push(` -y ${lowerThreshold}`);
  if (typeof forwarding !== 'string') {
    words.push(` --tun-type ${forwarding.kind}`);
    if (forwarding.kind === 'gue') words.push(` --tun-port ${forwarding.port}`);
    const checksum = { none: '--tun-nocsum', full: '--tun-csum', remote: '--tun-remcsum' };
    if (forwarding.kind !== 'ipip') words.push(` ${checksum[forwarding.checksum]}`);
  }
  return words.join('');
}

function forwardingSwitch(forwarding: Forwarding): string {
  if (typeof forwarding !== 'string') return '-i';
  return forwarding === 'masquerade' ? '-m' : '-g';
}
