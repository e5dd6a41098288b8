import { describe, expect, it } from 'vitest';

import {
  planApiServer,
  podCertificateArguments,
  renderKubeconfig,
} from '../../src/api-server-plan.ts';
import { planNodeNetwork } from '../../src/node-network.ts';

const DIR = '/somewhere/control-plane';
const plan = planApiServer(DIR, 'node-7', planNodeNetwork(7, true));
const flag = (name: string): string | undefined =>
  plan.apiServerArguments.find((entry) => entry.startsWith(`--${name}=`))?.slice(name.length + 3);

describe('the arguments of kube-apiserver', () => {
  it.each([
    ['authorization-mode', 'Node,RBAC'],
    ['enable-admission-plugins', 'NodeRestriction'],
    ['bind-address', '10.213.7.2'],
    ['advertise-address', '10.213.7.2'],
    ['service-cluster-ip-range', '10.215.7.0/24,fd6e:6f64:7:3::/112'],
    ['client-ca-file', `${DIR}/ca.crt`],
    ['tls-cert-file', plan.files.servingCertificate],
    ['tls-private-key-file', plan.files.servingKey],
    ['kubelet-client-certificate', plan.files.kubeletClientCertificate],
    ['kubelet-client-key', plan.files.kubeletClientKey],
    ['service-account-signing-key-file', plan.files.serviceAccountKey],
    ['service-account-key-file', plan.files.serviceAccountPublicKey],
  ])('say %s', (name, value) => {
    expect(flag(name)).toBe(value);
  });

  it('name the etcd started with it, which no other program reaches', () => {
    expect(plan.etcdArguments).toContain(`--listen-client-urls=${flag('etcd-servers')}`);
    const urls = plan.etcdArguments.flatMap((entry) => /https?:\/\/[^:]+/.exec(entry)?.[0] ?? []);
    expect(new Set(urls)).toEqual(new Set(['http://127.0.0.1']));
    expect(plan.etcdArguments).toContain(`--data-dir=${DIR}/etcd`);
    expect(plan.etcdArguments).toContain('--unsafe-no-fsync');
  });

  it('accept identities only by certificate', () => {
    expect(flag('token-auth-file')).toBeUndefined();
  });
});

describe('the flags for pods’ certificates', () => {
  it.each(['1.35.0', '1.36.2-rc.1', '2.0.0'])('are set for %s', (version) => {
    const [versions, gates] = podCertificateArguments(version);
    expect(versions).toBe('--runtime-config=certificates.k8s.io/v1beta1=true');
    expect(gates).toMatch(/^--feature-gates=(\w+=true,)*PodCertificateRequest=true$/);
  });

  it.each(['1.34.9', '1.9.0'])('are not set for %s', (version) => {
    expect(podCertificateArguments(version)).toEqual([]);
  });
});

describe('client identities', () => {
  it('match the node authorizer and the built-in roles', () => {
    expect(plan.identities).toMatchObject({
      admin: { groups: ['system:masters'] },
      kubelet: { user: 'system:node:node-7', groups: ['system:nodes'] },
      'kube-proxy': { user: 'system:kube-proxy', groups: [] },
    });
  });
});

describe("the names in the server's certificate", () => {
  it('are its address, the machine’s own and those of the Service `kubernetes`', () => {
    expect(plan.servingNames).toEqual(
      expect.arrayContaining([
        '10.213.7.2',
        '127.0.0.1',
        'kubernetes.default.svc',
        '10.215.7.1',
        'fd6e:6f64:7:3::1',
      ]),
    );
  });

  it('have one family if the machine has only one', () => {
    const { servingNames, apiServerArguments } = planApiServer(DIR, 'n', planNodeNetwork(0, false));
    expect(servingNames.filter((name) => name.startsWith('fd'))).toEqual([]);
    expect(apiServerArguments).toContain('--service-cluster-ip-range=10.215.0.0/24');
  });
});

describe(renderKubeconfig, () => {
  it('contains server, CA and identity, and no file name', () => {
    const client = { certificatePem: 'CERT', keyPem: 'KEY' };
    const { clusters, users } = JSON.parse(renderKubeconfig('https://a:1', 'CA', client)) as {
      clusters: { cluster: Record<string, string> }[];
      users: { user: Record<string, string> }[];
    };
    expect(clusters[0]?.cluster['server']).toBe('https://a:1');
    expect(atob(clusters[0]?.cluster['certificate-authority-data'] ?? '')).toBe('CA');
    expect(atob(users[0]?.user['client-certificate-data'] ?? '')).toBe('CERT');
    expect(atob(users[0]?.user['client-key-data'] ?? '')).toBe('KEY');
  });
});
