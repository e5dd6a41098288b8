import { loadKubeconfig } from '@nodeagent/kube-client/kubeconfig';

import type { Fixture } from './fixture.ts';

/** Does the work while nothing on the node can reach the API server: every connection is reset. */
export async function whileCutOff<T>({ cluster }: Fixture, work: () => Promise<T>): Promise<T> {
  const { server } = await loadKubeconfig({ path: cluster.kubeconfig });
  const { port } = new URL(server);
  const reset = ['-j', 'REJECT', '--reject-with', 'tcp-reset'];
  const rule = ['OUTPUT', '-p', 'tcp', '--dport', port, ...reset];
  await cluster.space.run(['iptables', '-I', ...rule]);
  try {
    return await work();
  } finally {
    await cluster.space.run(['iptables', '-D', ...rule]);
  }
}
