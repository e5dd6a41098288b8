/**
 * For `ProxyDependencies.readIpvsTable`: what /proc/net/ip_vs says in this network namespace,
 * undefined where there is no such file. Its code is loaded by the mode that uses it.
 */
export async function readIpvsTable(): Promise<string | undefined> {
  const { readProcTable } = await import('@nodeagent/ipvs/netlink');
  return readProcTable();
}
