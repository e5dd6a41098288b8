const CONFIG = (podCidr: string): string => `apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
bindAddress: 0.0.0.0
bindAddressHardFail: false
clientConnection:
  acceptContentTypes: ""
  burst: 0
  contentType: ""
  kubeconfig: /var/lib/kube-proxy/kubeconfig.conf
  qps: 0
clusterCIDR: ${podCidr}
configSyncPeriod: 0s
conntrack:
  maxPerCore: null
  min: null
  tcpBeLiberal: false
  tcpCloseWaitTimeout: null
  tcpEstablishedTimeout: null
  udpStreamTimeout: 0s
  udpTimeout: 0s
detectLocal:
  bridgeInterface: ""
  interfaceNamePrefix: ""
detectLocalMode: ""
healthzBindAddress: ""
hostnameOverride: ""
metricsBindAddress: ""
mode: ""
nodePortAddresses: null
oomScoreAdj: null
`;

const NAME = { name: 'kube-proxy', namespace: 'kube-system' };
const IN_POD = '/var/run/secrets/kubernetes.io/serviceaccount';

const kubeconfig = (server: string): object => ({
  apiVersion: 'v1',
  kind: 'Config',
  clusters: [{ name: 'default', cluster: { server, 'certificate-authority': `${IN_POD}/ca.crt` } }],
  users: [{ name: 'default', user: { tokenFile: `${IN_POD}/token` } }],
  contexts: [
    { name: 'default', context: { cluster: 'default', namespace: 'default', user: 'default' } },
  ],
  'current-context': 'default',
});

const MOUNTS = [
  ['kube-proxy', '/var/lib/kube-proxy', { configMap: { name: 'kube-proxy' } }],
  [
    'xtables-lock',
    '/run/xtables.lock',
    { hostPath: { path: '/run/xtables.lock', type: 'FileOrCreate' } },
  ],
  ['lib-modules', '/lib/modules', { hostPath: { path: '/lib/modules' } }],
] as const;

const podSpec = (image: string): object => ({
  priorityClassName: 'system-node-critical',
  hostNetwork: true,
  serviceAccountName: 'kube-proxy',
  nodeSelector: { 'kubernetes.io/os': 'linux' },
  tolerations: [{ operator: 'Exists' }],
  containers: [
    {
      name: 'kube-proxy',
      image,
      imagePullPolicy: 'IfNotPresent',
      command: [
        '/usr/local/bin/kube-proxy',
        '--config=/var/lib/kube-proxy/config.conf',
        '--hostname-override=$(NODE_NAME)',
      ],
      env: [{ name: 'NODE_NAME', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } }],
      securityContext: { privileged: true },
      volumeMounts: MOUNTS.map(([name, mountPath]) => ({
        ...{ name, mountPath },
        ...(name === 'lib-modules' && { readOnly: true }),
      })),
    },
  ],
  volumes: MOUNTS.map(([name, , source]) => ({ name, ...source })),
});

/**
 * The objects that kubeadm makes for kube-proxy, with an image of one's own.
 *
 * @param server the API server's URL
 * @see Kubernetes 1.36 cmd/kubeadm/app/phases/addons/proxy/manifests.go
 */
export function kubeadmProxy(server: string, podCidr: string, image: string): string {
  const labels = { 'k8s-app': 'kube-proxy' };
  const items = [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: NAME },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name: 'kubeadm:node-proxier' },
      roleRef: {
        apiGroup: 'rbac.authorization.k8s.io',
        kind: 'ClusterRole',
        name: 'system:node-proxier',
      },
      subjects: [{ kind: 'ServiceAccount', ...NAME }],
    },
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { ...NAME, labels: { app: 'kube-proxy' } },
      data: {
        'config.conf': CONFIG(podCidr),
        'kubeconfig.conf': JSON.stringify(kubeconfig(server)),
      },
    },
    {
      apiVersion: 'apps/v1',
      kind: 'DaemonSet',
      metadata: { ...NAME, labels },
      spec: {
        selector: { matchLabels: labels },
        updateStrategy: { type: 'RollingUpdate' },
        template: { metadata: { labels }, spec: podSpec(image) },
      },
    },
  ];
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
}
