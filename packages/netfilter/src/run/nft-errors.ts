import { errnoName, isNetlinkError } from '@nodeagent/netlink-codec';

import { NetfilterError } from '../model/errors.js';

/** Explains the errors that nf_tables gives a reason of its own. */
const REASONS: Readonly<Record<string, string>> = {
  EBUSY: 'EBUSY: it is in use by a rule, an element or a chain',
  ENOENT: 'ENOENT: it, or something that it refers to, does not exist',
  EEXIST: 'EEXIST: it exists and is different',
  EOPNOTSUPP: 'EOPNOTSUPP: this kernel does not support it',
  EINVAL: 'EINVAL: not possible here, or with these values',
};

/** Returns the error for an operation that the kernel refused with this number. */
export function refusedOperation(what: string, errno: number): NetfilterError {
  const name = errnoName(errno);
  if (name === 'EPERM' || name === 'EACCES') return noPermission(what, name);
  return new NetfilterError('NETFILTER_REFUSED', `${what}: ${REASONS[name] ?? name}`);
}

/** Turns errors of the socket and of reading into NetfilterErrors. */
export function asNetfilterError(what: string, error: unknown): unknown {
  if (!isNetlinkError(error) || error.code === 'NETLINK_CLOSED') return error;
  const { errnoName: name, message } = error;
  if (name === 'EPERM' || name === 'EACCES') return noPermission(what, name, error);
  const code = error.code === 'NETLINK_VALUE' ? 'NETFILTER_VALUE' : 'NETFILTER_REFUSED';
  return new NetfilterError(code, message, { cause: error });
}

function noPermission(what: string, name: string, cause?: unknown): NetfilterError {
  const message = `${what}: ${name} (CAP_NET_ADMIN is needed)`;
  return new NetfilterError('NETFILTER_PERMISSION', message, { cause });
}
