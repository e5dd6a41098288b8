import type { Logger } from '@nodeagent/base';
import {
  type CommandRunner,
  createTurns,
  type FoundIptables,
  probeIptables,
} from '@nodeagent/netfilter';

import { IP_FAMILIES, type IpFamily } from '../../model/address.js';
import { ProxyError } from '../../model/errors.js';
import type { Sysctl } from '../../ports.js';

export interface FoundFamily extends FoundIptables {
  readonly family: IpFamily;
}

/** Chains of the kubelet that show which kind of iptables the host uses. */
const HINT_CHAINS = ['KUBE-IPTABLES-HINT', 'KUBE-KUBELET-CANARY'];

/**
 * Returns the address families whose rules can be written here, always including the primary one.
 *
 * @throws {ProxyError} `PROXY_NO_FAMILY`
 */
export async function findFamilies(
  { commands, sysctl, log }: Readonly<{ commands: CommandRunner; sysctl: Sysctl; log: Logger }>,
  primary: IpFamily,
  signal: AbortSignal,
): Promise<readonly FoundFamily[]> {
  const found: FoundFamily[] = [];
  const takeTurns = createTurns();
  const problems: Error[] = [];
  for (const family of IP_FAMILIES) {
    try {
      if (family === 'IPv6') await requireIpv6(sysctl);
      const options = { family, hintChains: HINT_CHAINS };
      const probed = await probeIptables(commands, options, signal);
      log.info({ family, iptables: probed.description }, 'address family is served');
      const { iptables, backend } = probed;
      const own = backend === 'legacy' ? takeTurns(iptables) : iptables;
      found.push({ ...probed, iptables: own, family });
    } catch (error) {
      signal.throwIfAborted();
      log.info({ family, err: error }, 'address family is not served');
      problems.push(error as Error);
    }
  }
  if (found.some(({ family }) => family === primary)) return found;
  const why = problems.map(({ message }) => message).join('; ');
  const message = `no support for primary IP family ${primary}: ${why}`;
  throw new ProxyError('PROXY_NO_FAMILY', message, { cause: problems[0] });
}

async function requireIpv6(sysctl: Sysctl): Promise<void> {
  const key = 'net/ipv6/conf/all/disable_ipv6';
  if ((await sysctl.read(key)) === '1') {
    throw new ProxyError('PROXY_NO_FAMILY', `IPv6 is switched off by ${key}`);
  }
}
