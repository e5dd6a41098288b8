import { generateKeyPairSync } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { join } from 'node:path';

import {
  type ApiServerPlan,
  type ClientName,
  KUBELET_CLIENT,
  planApiServer,
  podCertificateArguments,
  renderKubeconfig,
} from './api-server-plan.ts';
import { findAssets } from './assets.ts';
import { createAuthority, type KeyedCertificate } from './certificates.ts';
import type { NodeSpace } from './node-space.ts';
import { type TestProcess, waitUntilUp } from './processes.ts';

/** A real API server that is ready, with its etcd; without controllers. */
export interface ApiServer {
  /** PEM file of the CA that signs the certificates of clients and of the server. */
  readonly caFile: string;
  readonly kubeconfigs: Readonly<Record<ClientName, string>>;
  /** The programs in the order in which they should end. */
  readonly processes: readonly TestProcess[];
}

/**
 * Generous, because an API server on a busy machine first fills its caches and creates its roles.
 */
const READY_TIMEOUT_MS = 110_000;

/**
 * Starts the programs of a folder in the space: etcd on its loopback interface, kube-apiserver on
 * the node's address, with a CA made for this cluster.
 *
 * @throws {TestbedError} `TESTBED_PROGRAM_MISSING` and `TESTBED_PROGRAM_UNUSABLE` about the
 *   folder;
 *   `TESTBED_PROCESS_ENDED` and `TESTBED_TIMED_OUT`, with the end of a log
 */
export async function startApiServer(
  space: NodeSpace,
  folder: string,
  nodeName: string,
): Promise<ApiServer> {
  const assets = await findAssets(folder);
  const dir = join(space.dir, 'control-plane');
  await mkdir(dir, { recursive: true });
  const plan = planApiServer(dir, nodeName, space.network);
  const { ca, admin, kubeconfigs } = await writeCredentials(plan, dir);
  const etcd = await space.start('etcd', [assets.etcd, ...plan.etcdArguments]);
  const more = podCertificateArguments(assets.version);
  const argv = [assets.apiServer, ...plan.apiServerArguments, ...more];
  const apiServer = await space.start('kube-apiserver', argv);
  const isReady = async () => {
    etcd.assertRunning();
    await expectOk(new URL('/readyz', plan.url), ca, admin);
    return true;
  };
  const what = `kube-apiserver ${assets.version} at ${plan.url} to be ready`;
  const { signal } = space;
  await waitUntilUp(apiServer, isReady, { what, timeoutMs: READY_TIMEOUT_MS, signal });
  return { caFile: plan.files.ca, kubeconfigs, processes: [apiServer, etcd] };
}

interface Credentials {
  readonly ca: string;
  readonly admin: KeyedCertificate;
  readonly kubeconfigs: Readonly<Record<ClientName, string>>;
}

async function writeCredentials(plan: ApiServerPlan, dir: string): Promise<Credentials> {
  const { files, identities, url } = plan;
  const authority = await createAuthority('testbed-ca');
  const serving = await authority.issueServer('kube-apiserver', plan.servingNames);
  const towardsKubelets = await authority.issueClient(KUBELET_CLIENT);
  const { privateKey, publicKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const texts: Readonly<Record<keyof typeof files, string>> = {
    ca: authority.certificatePem,
    servingCertificate: serving.certificatePem,
    servingKey: serving.keyPem,
    kubeletClientCertificate: towardsKubelets.certificatePem,
    kubeletClientKey: towardsKubelets.keyPem,
    serviceAccountKey: privateKey,
    serviceAccountPublicKey: publicKey,
  };
  for (const [name, text] of Object.entries(texts)) {
    await writeFile(files[name as keyof typeof files], text, { mode: 0o600 });
  }
  const ca = authority.certificatePem;
  const issue = async (name: ClientName) => {
    const client = await authority.issueClient(identities[name]);
    const path = join(dir, `${name}.kubeconfig`);
    await writeFile(path, renderKubeconfig(url, ca, client), { mode: 0o600 });
    return { client, path };
  };
  const [admin, controllers, kubelet, proxy] = await Promise.all([
    issue('admin'),
    issue('controllers'),
    issue('kubelet'),
    issue('kube-proxy'),
  ]);
  return {
    ca,
    admin: admin.client,
    kubeconfigs: {
      admin: admin.path,
      controllers: controllers.path,
      kubelet: kubelet.path,
      'kube-proxy': proxy.path,
    },
  };
}

/** Rejects unless the status is 200, with the server's answer. */
function expectOk(url: URL, ca: string, client: KeyedCertificate): Promise<void> {
  return new Promise((resolve, reject) => {
    const { certificatePem: cert, keyPem: key } = client;
    const call = request(url, { ca, cert, key, agent: false, timeout: 5_000 }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
      response.on('error', reject);
      response.on('end', () => {
        if (response.statusCode === 200) resolve();
        else reject(new Error(`${url.pathname}: ${response.statusCode}: ${body.slice(0, 2_000)}`));
      });
    });
    call.on('timeout', () => call.destroy(new Error(`${url.href} does not answer`)));
    call.on('error', reject).end();
  });
}
