import { Buffer } from 'node:buffer';

import { stringify } from 'yaml';

import type { KeyedCertificate } from './pki.js';

/** Renders a kubeconfig with all data inline: one cluster, one user, one context. */
export function renderKubeconfig(
  url: string,
  caPem: string,
  client: Readonly<{ user: string }> & KeyedCertificate,
): string {
  const coded = (text: string): string => Buffer.from(text).toString('base64');
  const name = 'nodeagent-dev';
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server: url, 'certificate-authority-data': coded(caPem) } }],
    users: [
      {
        name: client.user,
        user: {
          'client-certificate-data': coded(client.certificatePem),
          'client-key-data': coded(client.keyPem),
        },
      },
    ],
    contexts: [{ name, context: { cluster: name, user: client.user } }],
    'current-context': name,
  });
}
