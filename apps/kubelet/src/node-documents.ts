import { PODS } from '@nodeagent/kube-client';
import { createKubeClient } from '@nodeagent/kube-client/http';
import { loadKubeconfig } from '@nodeagent/kube-client/kubeconfig';

/** Documents that explain a node's evictions, as its API servers write them; not checked. */
export interface NodeDocuments {
  /** `/stats/summary` of its kubelet. */
  readonly summary: unknown;
  /** `/configz` of its kubelet. */
  readonly configz: unknown;
  /** The list of its pods. */
  readonly pods: unknown;
}

/** Reads the documents of a running node through the API server. */
export async function askNode(name: string, kubeconfig: string): Promise<NodeDocuments> {
  const client = createKubeClient(await loadKubeconfig({ path: kubeconfig }));
  try {
    const fieldSelector = `spec.nodeName=${name}`;
    const [summary, configz, pods] = await Promise.all([
      client.nodeDocument(name, 'stats/summary'),
      client.nodeDocument(name, 'configz'),
      client.list(PODS, { fieldSelector }, new AbortController().signal),
    ]);
    return { summary, configz, pods };
  } finally {
    client.close();
  }
}
