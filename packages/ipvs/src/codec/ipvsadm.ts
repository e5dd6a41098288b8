import { isIP } from 'node:net';

import {
  assertFits,
  defineDestination,
  type Destination,
  type DestinationId,
  type DestinationSpec,
  type TunnelChecksum,
} from '../model/destination.js';
import { invalid, IpvsError, isIpvsError } from '../model/errors.js';
import {
  defineService,
  formatServiceId,
  type Protocol,
  type SchedulerFlag,
  type Service,
  serviceFamily,
  type ServiceId,
  type ServiceSpec,
} from '../model/service.js';
import type { VirtualServer } from '../plan/diff.js';
import { type Options, readOptions, value } from './ipvsadm-words.js';

/**
 * Reads the output of `ipvsadm -S -n`, or commands that people write for `ipvsadm -R`: `-A` and
 * `-a` with short or long options. Empty lines and lines that begin with `#` are skipped.
 *
 * @throws {IpvsError} `IPVS_PARSE`, with the number of the line
 * @example
 * ```ts
 * import { parseSave } from '@nodeagent/ipvs';
 *
 * const [web] = parseSave('-A -t 192.0.2.10:80 -s rr\n-a -t 192.0.2.10:80 -r 10.1.0.1:8080 -m');
 * console.log(web?.destinations[0]?.address); // 10.1.0.1
 * ```
 */
export function parseSave(text: string): readonly VirtualServer[] {
  const servers = new Map<string, { service: VirtualServer['service']; destinations: Dest[] }>();
  text.split('\n').forEach((line, index) => {
    const trimmed = line.trim();
    if (trimmed === '' || trimmed.startsWith('#')) return;
    try {
      readLine(trimmed.split(/\s+/), servers);
    } catch (cause) {
      if (!isIpvsError(cause)) throw cause;
      const message = `Line ${index + 1}: ${cause.message}`;
      throw new IpvsError('IPVS_PARSE', message, { cause });
    }
  });
  return [...servers.values()];
}

type Dest = VirtualServer['destinations'][number];
type Servers = Map<string, { service: VirtualServer['service']; destinations: Dest[] }>;

function readLine(words: readonly string[], servers: Servers): void {
  const [command = '', ...rest] = words;
  const options = readOptions(rest);
  const id = serviceOf(options);
  const key = formatServiceId(id);
  const known = servers.get(key);
  if (command === '-A' || command === '--add-service') {
    if (known !== undefined) throw invalid('Service', key, 'exists already');
    servers.set(key, { service: readService(id, options), destinations: [] });
    return;
  }
  if (command !== '-a' && command !== '--add-server') {
    throw invalid('Command', command, 'a saved table has -A and -a only');
  }
  if (known === undefined) throw invalid('Service', key, 'must be added (-A) before its servers');
  const destination = readDestination(id, options);
  known.destinations.push(destination);
}

const PROTOCOLS: readonly (readonly [string, Protocol])[] = [
  ['tcp-service', 'tcp'],
  ['udp-service', 'udp'],
  ['sctp-service', 'sctp'],
];

/** @throws {IpvsError} `IPVS_INVALID` when the words name no service */
export function serviceOf(options: Options): ServiceId {
  const mark = value(options, 'fwmark-service');
  if (mark !== undefined) {
    const family = options.has('ipv6') ? 'IPv6' : 'IPv4';
    return { kind: 'mark', family, mark: readNumber('Mark', mark) };
  }
  for (const [option, protocol] of PROTOCOLS) {
    const text = value(options, option);
    if (text !== undefined) return { kind: 'address', protocol, ...readEndpoint(text, 0) };
  }
  throw new IpvsError('IPVS_INVALID', 'No service: -t, -u, --sctp-service or -f is missing');
}

/** Reads a service; what the words do not mention is as in `have`, or has ipvsadm's default. */
export function readService(id: ServiceId, options: Options, have?: Service): Service {
  const flags = value(options, 'sched-flags');
  const persistence = readPersistence(id, options, have?.persistence);
  const { schedulerFlags = [], scheduler = 'wlc', persistenceEngine } = have ?? {};
  return defineService({
    id,
    scheduler: value(options, 'scheduler') ?? scheduler,
    schedulerFlags: flags === undefined ? schedulerFlags : flags.split(',').map(readFlag),
    ...(persistence === undefined ? {} : { persistence }),
    persistenceEngine: value(options, 'pe') ?? persistenceEngine,
    onePacket: options.has('ops') || have?.onePacket === true,
  });
}

const DEFAULT_TIMEOUT = 360;

function readPersistence(
  id: ServiceId,
  options: Options,
  have: Service['persistence'],
): ServiceSpec['persistence'] {
  if (!['persistent', 'netmask', 'pe'].some((name) => options.has(name))) return have;
  const timeout = value(options, 'persistent');
  const mask = value(options, 'netmask');
  const asBefore = options.has('persistent') ? DEFAULT_TIMEOUT : have?.timeoutSeconds;
  return {
    ...have,
    timeoutSeconds:
      timeout === undefined ? (asBefore ?? DEFAULT_TIMEOUT) : readNumber('Timeout', timeout),
    ...(mask === undefined ? {} : { prefixLength: readMask(mask, id) }),
  };
}

/** @throws {IpvsError} `IPVS_INVALID` when the words name no server */
export function destinationOf(id: ServiceId, options: Options): DestinationId {
  const server = value(options, 'real-server');
  if (server === undefined) throw new IpvsError('IPVS_INVALID', 'No server: -r is missing');
  return readEndpoint(server, id.kind === 'mark' ? 0 : id.port);
}

/** Reads a destination; what the words do not mention is as in `have`, or has ipvsadm's default. */
export function readDestination(id: ServiceId, options: Options, have?: Destination): Destination {
  const number = (name: string, otherwise: number): number => {
    const text = value(options, name);
    return text === undefined ? otherwise : readNumber(name, text);
  };
  const keepsMethod = have !== undefined && !FORWARDING.some((name) => options.has(name));
  const tunnel = [...options.keys()].find((name) => name.startsWith('tun-'));
  if (keepsMethod && tunnel !== undefined) {
    throw invalid('Option', `--${tunnel}`, 'needs --ipip beside it');
  }
  const destination = defineDestination({
    ...destinationOf(id, options),
    forwarding: keepsMethod ? have.forwarding : readForwarding(options),
    weight: number('weight', have?.weight ?? 1),
    upperThreshold: number('u-threshold', have?.upperThreshold ?? 0),
    lowerThreshold: number('l-threshold', have?.lowerThreshold ?? 0),
  });
  assertFits(id, destination);
  return destination;
}

/** Options that choose how packets reach the server. */
const FORWARDING = ['masquerading', 'gatewaying', 'ipip'];

function readForwarding(options: Options): NonNullable<DestinationSpec['forwarding']> {
  if (options.has('masquerading')) return 'masquerade';
  if (!options.has('ipip')) return 'direct';
  const kind = value(options, 'tun-type') ?? 'ipip';
  if (kind !== 'ipip' && kind !== 'gue' && kind !== 'gre') {
    throw invalid('Tunnel', kind, 'must be ipip, gue or gre');
  }
  const port = value(options, 'tun-port');
  const checksum: TunnelChecksum = options.has('tun-csum')
    ? 'full'
    : options.has('tun-remcsum')
      ? 'remote'
      : 'none';
  return { kind, checksum, ...(port === undefined ? {} : { port: readNumber('tun-port', port) }) };
}

function readEndpoint(text: string, defaultPort: number): { address: string; port: number } {
  const match = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(text);
  const address = match?.[1] ?? match?.[2] ?? (isIP(text) === 6 ? text : undefined);
  if (address === undefined || isIP(address) === 0) {
    throw invalid('Address', text, 'must be numeric: save with `ipvsadm -S -n`');
  }
  return { address, port: match?.[3] === undefined ? defaultPort : Number(match[3]) };
}

function readMask(text: string, id: ServiceId): number {
  if (serviceFamily(id) === 'IPv6') return readNumber('Netmask', text);
  if (isIP(text) !== 4) throw invalid('Netmask', text, 'must be like 255.255.255.0');
  const bits = text
    .split('.')
    .map((part) => Number(part).toString(2).padStart(8, '0'))
    .join('');
  if (!/^1+0*$/.test(bits)) throw invalid('Netmask', text, 'must be ones, then zeros');
  return bits.lastIndexOf('1') + 1;
}

function readFlag(name: string): SchedulerFlag {
  const bit = /^(?:flag-([123])|[sm]h-(fallback|port))$/.exec(name);
  if (bit?.[2] !== undefined) return bit[2] === 'fallback' ? 1 : 2;
  if (bit?.[1] !== undefined) return Number(bit[1]) as SchedulerFlag;
  throw invalid('Scheduler flag', name, 'must be flag-1, flag-2, flag-3 or a name of sh or mh');
}

function readNumber(what: string, text: string): number {
  if (/^\d{1,10}$/.test(text)) return Number(text);
  throw invalid(what, text, 'must be a number');
}
