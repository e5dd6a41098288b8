import { NetfilterError } from '../model/errors.js';

/** XT_EXTENSION_MAXNAMELEN minus the end marker. @see Linux include/uapi/linux/netfilter/x_tables.h */
const MAX_CHAIN_NAME = 28;

/**
 * @returns the name itself
 * @throws {NetfilterError} `NETFILTER_NAME` for names that iptables refuses: longer than 28 bytes,
 *   empty, beginning with `-` or `!`, or holding a blank or a control character
 */
export function checkedChainName(name: string): string {
  if (/^[^\s\p{Cc}!-][^\s\p{Cc}]*$/u.test(name) && Buffer.byteLength(name) <= MAX_CHAIN_NAME) {
    return name;
  }
  const limit = `1 to ${MAX_CHAIN_NAME} bytes, no blanks, not beginning with "-" or "!"`;
  throw new NetfilterError('NETFILTER_NAME', `chain name "${name}": must be ${limit}`);
}
