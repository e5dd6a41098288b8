import type { Pod } from '@nodeagent/kube-client';

import type { PodHostname } from './hostname.js';

const HEAD = [
  '# Kubernetes-managed hosts file.',
  '127.0.0.1\tlocalhost',
  '::1\tlocalhost ip6-localhost ip6-loopback',
  'fe00::0\tip6-localnet',
  'fe00::0\tip6-mcastprefix',
  'fe00::1\tip6-allnodes',
  'fe00::2\tip6-allrouters',
];

/**
 * The pod's /etc/hosts. A pod in the host's network gets the host's own file plus the pod's
 * aliases.
 *
 * @param ofHost the host's /etc/hosts; used in the host's network only
 */
export function renderHostsFile(
  pod: Pod,
  names: PodHostname & Readonly<{ podIps: readonly string[] }>,
  ofHost: string,
): string {
  const aliases = renderAliases(pod);
  if (pod.spec?.hostNetwork === true) {
    return `# Kubernetes-managed hosts file (host network).\n${ofHost}${aliases}`;
  }
  const { hostname, domain, podIps } = names;
  const own = podIps.map((ip) =>
    domain === '' ? `${ip}\t${hostname}` : `${ip}\t${hostname}.${domain}\t${hostname}`,
  );
  return `${[...HEAD, ...own].join('\n')}\n${aliases}`;
}

function renderAliases(pod: Pod): string {
  const aliases = pod.spec?.hostAliases ?? [];
  if (aliases.length === 0) return '';
  const lines = aliases.map(({ ip, hostnames = [] }) => [ip, ...hostnames].join('\t'));
  return `\n# Entries added by HostAliases.\n${lines.join('\n')}\n`;
}
