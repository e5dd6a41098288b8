import { join } from 'node:path';

import type { Identity } from './certificates.ts';
import type { NodeNetwork } from './node-network.ts';

/** The files and addresses of a control plane of our own. */
export interface ApiServerPlan {
  /** `https://10.213.0.2:6443`. */
  readonly url: string;
  /** Names and addresses in its serving certificate. */
  readonly servingNames: readonly string[];
  /**
   * Identities by the name of the kubeconfig file; the API server has built-in roles for them.
   *
   * @see Kubernetes 1.36 plugin/pkg/auth/authorizer/rbac/bootstrappolicy/policy.go
   */
  readonly identities: Readonly<Record<ClientName, Identity>>;
  readonly files: ApiServerFiles;
  readonly etcdArguments: readonly string[];
  readonly apiServerArguments: readonly string[];
}

export type ClientName = 'admin' | 'controllers' | 'kubelet' | 'kube-proxy';

export interface ApiServerFiles {
  readonly ca: string;
  readonly servingCertificate: string;
  readonly servingKey: string;
  /** The API server's own identity towards kubelets. */
  readonly kubeletClientCertificate: string;
  readonly kubeletClientKey: string;
  readonly serviceAccountKey: string;
  readonly serviceAccountPublicKey: string;
}

export const API_SERVER_PORT = 6443;
/** Safe to fix, because nothing else uses ports in the node's network namespace. */
const ETCD_URL = 'http://127.0.0.1:2379';
const ETCD_PEER_URL = 'http://127.0.0.1:2380';
const ISSUER = 'https://kubernetes.default.svc.cluster.local';

/** The API server's identity at kubelets; the group `masters` may do everything there. */
export const KUBELET_CLIENT: Identity = {
  user: 'kube-apiserver-kubelet-client',
  groups: ['system:masters'],
};

/** Plans the arguments and files of a kube-apiserver with its own etcd, as plain data. */
export function planApiServer(dir: string, nodeName: string, network: NodeNetwork): ApiServerPlan {
  const { nodeIp } = network;
  const cidrs = serviceCidrs(network);
  const files: ApiServerFiles = {
    ca: join(dir, 'ca.crt'),
    servingCertificate: join(dir, 'apiserver.crt'),
    servingKey: join(dir, 'apiserver.key'),
    kubeletClientCertificate: join(dir, 'apiserver-kubelet-client.crt'),
    kubeletClientKey: join(dir, 'apiserver-kubelet-client.key'),
    serviceAccountKey: join(dir, 'sa.key'),
    serviceAccountPublicKey: join(dir, 'sa.pub'),
  };
  return {
    url: `https://${nodeIp}:${API_SERVER_PORT}`,
    servingNames: servingNames(nodeIp, cidrs),
    identities: {
      admin: { user: 'kubernetes-admin', groups: ['system:masters'] },
      controllers: { user: 'nodeagent-controllers', groups: ['system:masters'] },
      kubelet: { user: `system:node:${nodeName}`, groups: ['system:nodes'] },
      'kube-proxy': { user: 'system:kube-proxy', groups: [] },
    },
    files,
    etcdArguments: [
      '--name=testbed',
      `--data-dir=${join(dir, 'etcd')}`,
      `--listen-client-urls=${ETCD_URL}`,
      `--advertise-client-urls=${ETCD_URL}`,
      `--listen-peer-urls=${ETCD_PEER_URL}`,
      `--initial-advertise-peer-urls=${ETCD_PEER_URL}`,
      `--initial-cluster=testbed=${ETCD_PEER_URL}`,
      '--unsafe-no-fsync', // its data is deleted with the testbed
    ],
    apiServerArguments: [
      `--etcd-servers=${ETCD_URL}`,
      `--bind-address=${nodeIp}`,
      `--advertise-address=${nodeIp}`,
      `--secure-port=${API_SERVER_PORT}`,
      `--tls-cert-file=${files.servingCertificate}`,
      `--tls-private-key-file=${files.servingKey}`,
      `--client-ca-file=${files.ca}`,
      `--kubelet-client-certificate=${files.kubeletClientCertificate}`,
      `--kubelet-client-key=${files.kubeletClientKey}`,
      '--kubelet-preferred-address-types=InternalIP',
      `--service-cluster-ip-range=${cidrs.join(',')}`,
      '--authorization-mode=Node,RBAC',
      '--enable-admission-plugins=NodeRestriction',
      `--service-account-issuer=${ISSUER}`,
      `--service-account-key-file=${files.serviceAccountPublicKey}`,
      `--service-account-signing-key-file=${files.serviceAccountKey}`,
      '--allow-privileged=true',
      '--profiling=false',
    ],
  };
}

const POD_CERTIFICATE_GATES = [
  'ClusterTrustBundle',
  'ClusterTrustBundleProjection',
  'PodCertificateRequest',
];

/**
 * The additional flags that pods' certificates and trust bundles need: v1beta1 is off by default.
 *
 * @param version of the kube-apiserver, `1.36.2`
 * @returns nothing before 1.35, which has no v1beta1 of them
 */
export function podCertificateArguments(version: string): readonly string[] {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major < 1 || (major === 1 && minor < 35)) return [];
  const gates = POD_CERTIFICATE_GATES.map((gate) => `${gate}=true`).join(',');
  return ['--runtime-config=certificates.k8s.io/v1beta1=true', `--feature-gates=${gates}`];
}

export function serviceCidrs({ serviceCidr, ipv6 }: NodeNetwork): readonly string[] {
  return ipv6 ? [serviceCidr, ipv6.serviceCidr] : [serviceCidr];
}

/** Pods connect through the Service `kubernetes`, which has the first address of each range. */
function servingNames(nodeIp: string, cidrs: readonly string[]): readonly string[] {
  const service = 'kubernetes.default.svc.cluster.local'.split('.');
  const names = [1, 2, 3, 5].map((count) => service.slice(0, count).join('.'));
  const addresses = cidrs.map((cidr) => cidr.replace(/(?<=[.:])0?\/\d+$/, '1'));
  return [nodeIp, '127.0.0.1', '::1', 'localhost', ...names, ...addresses];
}

/** One cluster, one user, one context; all data is inline. */
export function renderKubeconfig(
  server: string,
  caPem: string,
  client: { readonly certificatePem: string; readonly keyPem: string },
): string {
  const coded = (text: string) => Buffer.from(text).toString('base64');
  const cluster = { server, 'certificate-authority-data': coded(caPem) };
  const user = {
    'client-certificate-data': coded(client.certificatePem),
    'client-key-data': coded(client.keyPem),
  };
  const name = 'testbed';
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster }],
    users: [{ name, user }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    'current-context': name,
  });
}
