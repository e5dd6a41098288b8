import { assertFits, defineDestination, type DestinationSpec } from '../model/destination.js';
import { invalid, IpvsError } from '../model/errors.js';
import { defineService, type ServiceSpec } from '../model/service.js';
import { type DestinationState, printable, type ServiceState } from '../model/state.js';
import type { VirtualServer } from '../plan/diff.js';

/** Required type of a member; `any` is checked elsewhere, or ignored. */
type Kind = 'text' | 'number' | 'boolean' | 'list' | 'object' | 'text or object' | 'any';

type Members = Readonly<Record<string, Kind>>;

const SERVICE: Members = {
  id: 'object',
  scheduler: 'text',
  schedulerFlags: 'list',
  persistence: 'object',
  persistenceEngine: 'text',
  onePacket: 'boolean',
  destinations: 'list',
  statistics: 'any',
};
const ID: Members = {
  kind: 'text',
  protocol: 'text',
  address: 'text',
  port: 'number',
  family: 'text',
  mark: 'number',
};
const PERSISTENCE: Members = { timeoutSeconds: 'number', prefixLength: 'number' };
const DESTINATION: Members = {
  address: 'text',
  port: 'number',
  forwarding: 'text or object',
  weight: 'number',
  upperThreshold: 'number',
  lowerThreshold: 'number',
  activeConnections: 'any',
  inactiveConnections: 'any',
  persistentConnections: 'any',
  statistics: 'any',
};
const TUNNEL: Members = { kind: 'text', port: 'number', checksum: 'text' };

/**
 * Reads a table from JSON: an array of services in the form of {@link ServiceSpec}, each with
 * `destinations` in the form of {@link DestinationSpec}. Members that only the kernel sets are
 * allowed and ignored.
 *
 * @throws {IpvsError} `IPVS_PARSE` for text that is not JSON; `IPVS_INVALID`, `IPVS_FAMILY`
 */
export function parseJson(text: string): readonly VirtualServer[] {
  const input = parse(text);
  if (!Array.isArray(input)) throw new IpvsError('IPVS_PARSE', 'Not an array of services');
  return input.map((entry: unknown, index): VirtualServer => {
    const what = `Service ${index + 1}`;
    const fields = checkedObject(what, entry, SERVICE);
    const { family, address } = checkedObject(`${what}: id`, fields['id'], ID);
    if (address === undefined && family !== 'IPv4' && family !== 'IPv6') {
      throw invalid(`${what}: family`, family, 'must be IPv4 or IPv6');
    }
    if (fields['persistence'] !== undefined) {
      checkedObject(`${what}: persistence`, fields['persistence'], PERSISTENCE);
    }
    const service = defineService(fields as unknown as ServiceSpec);
    const list = (fields['destinations'] ?? []) as readonly unknown[];
    const destinations = list.map((each, at) => {
      const which = `${what}: destination ${at + 1}`;
      const spec = checkedObject(which, each, DESTINATION);
      if (typeof spec['forwarding'] === 'object') {
        checkedObject(`${which}: forwarding`, spec['forwarding'], TUNNEL);
      }
      const destination = defineDestination(spec as unknown as DestinationSpec);
      assertFits(service.id, destination);
      return destination;
    });
    return { service, destinations };
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new IpvsError('IPVS_PARSE', `Not JSON: ${(cause as Error).message}`, { cause });
  }
}

function checkedObject(
  what: string,
  input: unknown,
  members: Members,
): Readonly<Record<string, unknown>> {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    throw invalid(what, kindOf(input), 'must be an object');
  }
  for (const [key, value] of Object.entries(input)) {
    const kind = Object.hasOwn(members, key) ? members[key] : undefined;
    if (kind === undefined) {
      throw invalid(`${what}: field`, key, `must be one of ${Object.keys(members).join(', ')}`);
    }
    if (kind !== 'any' && !kind.split(' or ').includes(kindOf(value))) {
      throw invalid(`${what}: ${key}`, kindOf(value), `must be ${kind}`);
    }
  }
  return input as Readonly<Record<string, unknown>>;
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'list';
  return typeof value === 'string' ? 'text' : typeof value;
}

/** Totals are strings: they have 64 bits, which numbers in JSON do not hold. */
export function renderJson(
  servers: readonly VirtualServer<ServiceState, DestinationState>[],
): string {
  const plain = servers.map(({ service, destinations }) => ({
    ...service,
    statistics: printable(service.statistics),
    destinations: destinations.map((destination) => ({
      ...destination,
      statistics: printable(destination.statistics),
    })),
  }));
  return `${JSON.stringify(plain, undefined, 2)}\n`;
}
