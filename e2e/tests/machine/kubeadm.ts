import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';

import { NODES, PODS, SECRETS } from '@nodeagent/kube-client';
import { loadKubeconfig } from '@nodeagent/kube-client/kubeconfig';
import { startService, untilHealthy } from '@nodeagent/testbed/machine';
import { expect, it } from 'vitest';
import { parse } from 'yaml';

import { create, isNodeReady, type MachineFixture, webPod } from './fixture.ts';
import { kubeadmProxy } from './kubeadm-proxy.ts';
import { removePods } from './packages.ts';
import { runProxyDaemonSet } from './proxy-daemonset.ts';

const never = new AbortController().signal;
const TOKEN = { id: '07401b', secret: 'f395accd246ae52d' };
const BOOTSTRAP = '/etc/kubernetes/bootstrap-kubelet.conf';
const KUBECONFIG = '/etc/kubernetes/kubelet.conf';
const PKI = '/var/lib/kubelet/pki';

/** The package kubeadm brings it; `kubeadm join` writes the files that it names. */
const DROP_IN = `[Service]
Environment="KUBELET_KUBECONFIG_ARGS=--bootstrap-kubeconfig=${BOOTSTRAP} --kubeconfig=${KUBECONFIG}"
Environment="KUBELET_CONFIG_ARGS=--config=/var/lib/kubelet/config.yaml"
EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env
EnvironmentFile=-/etc/default/kubelet
ExecStart=
ExecStart=/usr/bin/kubelet $KUBELET_KUBECONFIG_ARGS $KUBELET_CONFIG_ARGS $KUBELET_KUBEADM_ARGS $KUBELET_EXTRA_ARGS
`;

/**
 * The file as `kubeadm join` of version 1.36.2 writes it; Go's zero values are in it. Earlier versions
 * leave `containerRuntimeEndpoint` empty and give the flag.
 */
const CONFIG = `apiVersion: kubelet.config.k8s.io/v1beta1
authentication:
  anonymous:
    enabled: false
  webhook:
    cacheTTL: 0s
    enabled: true
  x509:
    clientCAFile: /etc/kubernetes/pki/ca.crt
authorization:
  mode: Webhook
  webhook:
    cacheAuthorizedTTL: 0s
    cacheUnauthorizedTTL: 0s
cgroupDriver: systemd
clusterDNS:
- 10.96.0.10
clusterDomain: cluster.local
containerRuntimeEndpoint: unix:///var/run/containerd/containerd.sock
cpuManagerReconcilePeriod: 0s
crashLoopBackOff: {}
evictionPressureTransitionPeriod: 0s
fileCheckFrequency: 0s
healthzBindAddress: 127.0.0.1
healthzPort: 10248
httpCheckFrequency: 0s
imageMaximumGCAge: 0s
imageMinimumGCAge: 0s
kind: KubeletConfiguration
logging:
  flushFrequency: 0
  options:
    json:
      infoBufferSize: "0"
    text:
      infoBufferSize: "0"
  verbosity: 0
memorySwap: {}
nodeStatusReportFrequency: 0s
nodeStatusUpdateFrequency: 0s
rotateCertificates: true
runtimeRequestTimeout: 0s
shutdownGracePeriod: 0s
shutdownGracePeriodCriticalPods: 0s
staticPodPath: /etc/kubernetes/manifests
streamingConnectionIdleTimeout: 0s
syncFrequency: 0s
volumeStatsAggPeriod: 0s
`;

interface Kubeconfig {
  readonly clusters: readonly Readonly<{ cluster: Readonly<Record<string, string>> }>[];
}

async function bootstrapKubeconfig(adminKubeconfig: string): Promise<string> {
  const { clusters } = parse(await readFile(adminKubeconfig, 'utf8')) as Kubeconfig;
  return JSON.stringify({
    ...{
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'tls-bootstrap-token-user@kubernetes',
    },
    clusters: [{ name: 'kubernetes', cluster: clusters[0]?.cluster }],
    contexts: [
      {
        name: 'tls-bootstrap-token-user@kubernetes',
        context: { cluster: 'kubernetes', user: 'tls-bootstrap-token-user' },
      },
    ],
    users: [{ name: 'tls-bootstrap-token-user', user: { token: `${TOKEN.id}.${TOKEN.secret}` } }],
  });
}

/** The packaged kubelet on a machine that `kubeadm join` has prepared. */
export const kubeadm = (lab: MachineFixture, { folder }: Readonly<{ folder: string }>): void => {
  it('joins by a bootstrap token with the files of kubeadm', async () => {
    const node = lab.node('node1');
    await removePods(lab); // a pod is collected when its Node has been away for long
    await node.sh(`systemctl stop kubelet; rm -rf ${PKI} ${KUBECONFIG} /etc/default/kubelet`);
    await lab.client.delete(NODES, { name: 'node1' }, {}, never);
    await create(lab, SECRETS, {
      metadata: { name: `bootstrap-token-${TOKEN.id}`, namespace: 'kube-system' },
      type: 'bootstrap.kubernetes.io/token',
      stringData: {
        'auth-extra-groups': 'system:bootstrappers:kubeadm:default-node-token',
        expiration: new Date(Date.now() + 86_400_000).toISOString(),
        'token-id': TOKEN.id,
        'token-secret': TOKEN.secret,
        'usage-bootstrap-authentication': 'true',
      },
    });
    await node.write('/usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf', DROP_IN);
    await node.write('/var/lib/kubelet/config.yaml', CONFIG);
    const flags = '--hostname-override=node1';
    await node.write('/var/lib/kubelet/kubeadm-flags.env', `KUBELET_KUBEADM_ARGS="${flags}"\n`);
    await node.write(BOOTSTRAP, await bootstrapKubeconfig(lab.controlPlane.adminKubeconfig), 0o600);
    await node.sh('systemctl daemon-reload');
    await startService(node, 'kubelet');
    await lab.waitForNode('node1', 'to be Ready', isNodeReady);
    expect(await node.sh('ps -o args= -p $(systemctl show -P MainPID kubelet)')).toContain(flags);
    const pem = await node.sh(`cat ${PKI}/kubelet-client-current.pem`);
    expect(new X509Certificate(pem).subject).toBe('O=system:nodes\nCN=system:node:node1');
  });

  it('needs the token no more', async () => {
    const node = lab.node('node1');
    const name = `bootstrap-token-${TOKEN.id}`;
    await lab.client.delete(SECRETS, { namespace: 'kube-system', name }, {}, never);
    // as kubeadm does when the node has joined
    await node.sh(`rm ${BOOTSTRAP} && systemctl restart kubelet`);
    await untilHealthy(node, 'kubelet');
    await lab.waitForNode('node1', 'to be Ready', isNodeReady);
    expect(await node.sh(`cat ${KUBECONFIG}`)).toContain(`${PKI}/kubelet-client-current.pem`);
  });

  it('runs kube-proxy by the DaemonSet of kubeadm', async () => {
    const { server } = await loadKubeconfig({ path: lab.controlPlane.adminKubeconfig });
    const node = lab.node('node1');
    const image = 'localhost/nodeagent-kube-proxy:0.1.0';
    await create(lab, PODS, webPod('packaged', 'node1'));
    await runProxyDaemonSet(lab, folder, kubeadmProxy(server, node.podCidr, image));
    await node.sh('rm -r /usr/lib/systemd/system/kubelet.service.d && systemctl daemon-reload');
  });
};
