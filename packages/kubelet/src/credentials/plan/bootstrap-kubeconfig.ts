import { Buffer } from 'node:buffer';

import type { Connection, Material } from '@nodeagent/kube-client';

/**
 * Renders the node's own kubeconfig: the server of the bootstrap kubeconfig, and the path of the
 * client certificate, which rotation replaces in place.
 *
 * @param credentialPath contains certificate and key
 * @returns JSON, which is also YAML
 * @see Kubernetes 1.36 pkg/kubelet/certificate/bootstrap/bootstrap.go, writeKubeconfigFromBootstrapping
 */
export function renderBootstrappedKubeconfig(
  { server, ca, insecureSkipTlsVerify, tlsServerName, proxyUrl }: Connection,
  credentialPath: string,
): string {
  const cluster = {
    server,
    ...authority(ca),
    ...(insecureSkipTlsVerify === true && { 'insecure-skip-tls-verify': true }),
    ...(tlsServerName !== undefined && { 'tls-server-name': tlsServerName }),
    ...(proxyUrl !== undefined && { 'proxy-url': proxyUrl }),
  };
  const user = { 'client-certificate': credentialPath, 'client-key': credentialPath };
  const context = { cluster: 'default-cluster', user: 'default-auth', namespace: 'default' };
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'default-cluster', cluster }],
    users: [{ name: 'default-auth', user }],
    contexts: [{ name: 'default-context', context }],
    'current-context': 'default-context',
  };
  return `${JSON.stringify(config, undefined, 2)}\n`;
}

function authority(ca: Material | undefined): Readonly<Record<string, string>> {
  if (ca === undefined) return {};
  if (ca.kind === 'file') return { 'certificate-authority': ca.path };
  return { 'certificate-authority-data': Buffer.from(ca.text, 'utf8').toString('base64') };
}
