/**
 * For `ProxyDependencies.readIpvsTable`: reads /proc/net/ip_vs of this network namespace, undefined
 * when the file does not exist. Only the mode that uses it loads the code.
 */
export async function readIpvsTable(): Promise<string | undefined> {
  const { readProcTable } = await import('@nodeagent/ipvs/netlink');
  return readProcTable();
}
