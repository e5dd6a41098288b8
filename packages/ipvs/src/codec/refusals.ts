import { errnoName, isNetlinkError, type NetlinkError } from '@nodeagent/netlink-codec';

import { IpvsError, type IpvsErrorCode } from '../model/errors.js';
import type { Operation } from '../model/operation.js';

/** The kind of request that the kernel refused: the meaning of an errno depends on it. */
export type Asked = Operation['kind'] | 'daemon' | 'read' | 'config';

type Meaning = readonly [code: IpvsErrorCode, help: string];

const SERVICE_MISSING: Meaning = ['IPVS_SERVICE_MISSING', 'the service does not exist'];
const SCHEDULER: Meaning = [
  'IPVS_SCHEDULER_UNKNOWN',
  'this kernel has no such scheduler or persistence engine; is its module (ip_vs_NAME) installed?',
];
const DESTINATION_MISSING: Meaning = [
  'IPVS_DESTINATION_MISSING',
  'the service has no such destination',
];
const RANGE: Meaning = ['IPVS_INVALID', 'a weight or threshold is out of range'];

const BY_KIND: Readonly<Partial<Record<Asked, Readonly<Record<string, Meaning>>>>> = {
  'add-service': {
    EEXIST: ['IPVS_SERVICE_EXISTS', 'the service exists already'],
    ENOENT: SCHEDULER,
  },
  'update-service': { ESRCH: SERVICE_MISSING, ENOENT: SCHEDULER },
  'delete-service': { ESRCH: SERVICE_MISSING },
  'add-destination': {
    ESRCH: SERVICE_MISSING,
    EEXIST: ['IPVS_DESTINATION_EXISTS', 'the service has such a destination already'],
    ERANGE: RANGE,
  },
  'update-destination': { ESRCH: SERVICE_MISSING, ENOENT: DESTINATION_MISSING, ERANGE: RANGE },
  'delete-destination': { ESRCH: SERVICE_MISSING, ENOENT: DESTINATION_MISSING },
  zero: { ESRCH: SERVICE_MISSING },
  read: { ESRCH: SERVICE_MISSING },
  daemon: {
    EEXIST: ['IPVS_DAEMON_RUNNING', 'a daemon of this role runs already: stop it first'],
    ESRCH: ['IPVS_DAEMON_STOPPED', 'no daemon of this role runs'],
    ENODEV: ['IPVS_INTERFACE_MISSING', 'there is no such network interface'],
  },
};

const ALWAYS: Readonly<Record<string, Meaning>> = {
  EPERM: [
    'IPVS_PERMISSION',
    'CAP_NET_ADMIN in the first user namespace is needed: root of a container is not enough',
  ],
  EINVAL: ['IPVS_INVALID', 'the kernel does not accept a value'],
  EAFNOSUPPORT: ['IPVS_FAMILY', 'this kernel has no IPVS for that address family'],
  EPROTONOSUPPORT: ['IPVS_FAMILY', 'this kernel does not balance that protocol'],
  ENOMEM: ['IPVS_NO_MEMORY', 'the kernel is out of memory'],
};

/**
 * Turns a refusal of the kernel, or a failure of the connection, into an IpvsError. A missing
 * add-on says nothing about IPVS: that error stays what it is.
 */
export function ipvsError(what: string, asked: Asked, error: unknown): unknown {
  if (!isNetlinkError(error) || error.code === 'NETLINK_ADDON_MISSING') return error;
  if (error.code === 'NETLINK_REFUSED') return refused(what, asked, error);
  const [code, help] = TALK[error.code] ?? ['IPVS_SYSTEM', ''];
  const options = error.errno === undefined ? {} : { errno: error.errno };
  return new IpvsError(code, `${what}: ${error.message}${help}`, { ...options, cause: error });
}

const TALK: Readonly<Partial<Record<NetlinkError['code'], Meaning>>> = {
  NETLINK_NO_FAMILY: ['IPVS_UNAVAILABLE', ' (modprobe ip_vs)'],
  NETLINK_MALFORMED: ['IPVS_PROTOCOL', ''],
  NETLINK_VALUE: ['IPVS_INVALID', ''],
  NETLINK_INTERRUPTED: ['IPVS_BUSY', ''],
  NETLINK_CLOSED: ['IPVS_CLOSED', ''],
  NETLINK_LOST: ['IPVS_REPLIES_LOST', '; list and compare'],
  NETLINK_SOCKET: ['IPVS_REPLIES_LOST', '; list and compare'],
  NETLINK_TIMEOUT: ['IPVS_REPLIES_LOST', '; list and compare'],
};

function refused(what: string, asked: Asked, cause: NetlinkError): IpvsError {
  const { errno } = cause;
  if (errno === undefined)
    return new IpvsError('IPVS_SYSTEM', `${what}: ${cause.message}`, { cause });
  const name = errnoName(errno);
  const [code, help] = BY_KIND[asked]?.[name] ?? ALWAYS[name] ?? ['IPVS_SYSTEM', 'refused'];
  return new IpvsError(code, `${what}: ${help} (${name})`, { errno, cause });
}
