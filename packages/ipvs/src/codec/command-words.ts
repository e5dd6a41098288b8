import { type Destination, destinationKey } from '../model/destination.js';
import { invalid } from '../model/errors.js';
import type { Operation } from '../model/operation.js';
import { formatServiceId, type Service, type ServiceId } from '../model/service.js';
import { destinationOf, readDestination, readService, serviceOf } from './ipvsadm.js';
import { type Options, readOptions } from './ipvsadm-words.js';

/** The subject of a command: a service, or one of its servers when `-r` is there. */
export interface Subject {
  readonly id: ServiceId;
  /** Key of the server; undefined for the service as a whole. */
  readonly destination: string | undefined;
  readonly options: Options;
}

/** Reads words as ipvsadm takes them: `-t 192.0.2.10:80 -r 10.1.0.1:8080 -m`. */
export function readSubject(words: readonly string[]): Subject {
  const options = readOptions(words);
  const id = serviceOf(options);
  const isServer = options.has('real-server');
  const destination = isServer ? destinationKey(destinationOf(id, options)) : undefined;
  return { id, destination, options };
}

/** @throws {IpvsError} `IPVS_INVALID`, `IPVS_FAMILY` */
export function addition({ id, destination, options }: Subject): Operation {
  return destination === undefined
    ? { kind: 'add-service', service: readService(id, options) }
    : { kind: 'add-destination', id, destination: readDestination(id, options) };
}

/** Changes what the words mention and keeps the rest. @throws {IpvsError} `IPVS_INVALID` */
export function change(
  { id, options }: Subject,
  have: { readonly service: Service } | { readonly destination: Destination },
): Operation {
  return 'service' in have
    ? {
        kind: 'update-service',
        service: readService(id, options, have.service),
        before: have.service,
      }
    : {
        kind: 'update-destination',
        id,
        destination: readDestination(id, options, have.destination),
        before: have.destination,
      };
}

/** @throws {IpvsError} `IPVS_INVALID` when the words say more than what is to go */
export function removal({ id, destination, options }: Subject): Operation {
  const more = [...options.keys()].find((name) => !NAMING.has(name));
  if (more !== undefined) {
    throw invalid(
      'Option',
      `--${more}`,
      `has no meaning for the removal of ${formatServiceId(id)}`,
    );
  }
  return destination === undefined
    ? { kind: 'delete-service', id }
    : { kind: 'delete-destination', id, destination: destinationOf(id, options) };
}

/** Options that say which service and server are meant. */
const NAMING = new Set([
  'tcp-service',
  'udp-service',
  'sctp-service',
  'fwmark-service',
  'ipv6',
  'real-server',
]);
