import { isNetlinkError } from '@nodeagent/netlink-codec';

import { NetfilterError, type NetfilterErrorCode } from '../model/errors.js';

/** IPSET_ERR_*, above the system's own error numbers. @see Linux ip_set.h and ip_set_hash.h */
const MEANINGS: Readonly<Record<number, readonly [NetfilterErrorCode, string]>> = {
  1: ['NETFILTER_PERMISSION', 'CAP_NET_ADMIN is needed'],
  2: ['NETFILTER_SET_MISSING', 'there is no such set'],
  17: ['NETFILTER_SET_MISMATCH', 'a set of that name exists with another type, family or size'],
  22: ['NETFILTER_NAME', 'the kernel does not accept the name'],
  4097: ['NETFILTER_SET_ENTRY', 'the kernel does not understand it'],
  4098: [
    'NETFILTER_SET_MISMATCH',
    'this kernel does not have the set type; is ip_set_TYPE installed?',
  ],
  4100: ['NETFILTER_SET_IN_USE', 'rules or other sets use it'],
  4101: ['NETFILTER_SET_MISSING', 'the second set does not exist, or it exists already'],
  4102: ['NETFILTER_SET_MISMATCH', 'the two sets are of different types'],
  4104: ['NETFILTER_SET_ENTRY', 'the prefix length is out of range'],
  4106: ['NETFILTER_SET_MISMATCH', 'the type does not have that address family'],
  4108: ['NETFILTER_SET_IN_USE', 'rules or other sets use it'],
  4352: ['NETFILTER_SET_FULL', 'the set is full'],
  4353: ['NETFILTER_SET_ENTRY', 'the unspecified address cannot be an entry'],
  4354: ['NETFILTER_SET_ENTRY', 'the protocol has no ports'],
  4355: ['NETFILTER_SET_ENTRY', 'the protocol is missing'],
};

/** Turns a refusal of the kernel into a NetfilterError; passes other errors on. */
export function ipsetError(what: string, error: unknown): unknown {
  if (!isNetlinkError(error, 'NETLINK_REFUSED') || error.errno === undefined) return error;
  const [code, why] = MEANINGS[error.errno] ?? (['NETFILTER_COMMAND_FAILED', ''] as const);
  return new NetfilterError(code, `${what}: ${why === '' ? error.message : why}`, { cause: error });
}
