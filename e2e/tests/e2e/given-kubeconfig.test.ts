import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { type DevApiServer, startDevApiServer } from '@nodeagent/dev-apiserver';
import { type Cluster, ifStarted, startCluster } from '@nodeagent/testbed';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** A running API server of which only an administrator's kubeconfig is known. */
let server: DevApiServer;
let cluster: Cluster;
let dir: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'given-'));
  server = await startDevApiServer();
  const file = join(dir, 'kubeconfig');
  await writeFile(file, await server.kubeconfig({ user: 'admin', groups: ['system:masters'] }));
  cluster = await startCluster({ name: 'given', images: [], env: { KUBECONFIG: file } });
});
afterAll(async () => {
  await ifStarted(cluster)?.stop();
  await ifStarted(server)?.stop();
  await rm(dir, { recursive: true });
});

describe('the kubelet of a node that joins a given cluster', () => {
  it('refuses unauthenticated clients', async () => {
    expect(await ask({})).toBe(401);
    expect(await ask({ headers: { authorization: 'Bearer nobody' } })).toBe(401);
  });

  it("serves the cluster's clients as far as the cluster authorizes them", async () => {
    expect(await askAs('somebody', [])).toBe(403);
    expect(await askAs('admin', ['system:masters'])).toBe(200);
  });
});

async function askAs(user: string, groups: readonly string[]): Promise<number | undefined> {
  const { certificatePem: cert, keyPem: key } = await server.issueClientCertificate({
    user,
    groups,
  });
  return ask({ cert, key });
}

interface Credentials {
  readonly cert?: string;
  readonly key?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Returns the status code of the kubelet's answer about its pods, on the node's address. */
function ask(credentials: Credentials): Promise<number | undefined> {
  const url = `https://${cluster.space.network.nodeIp}:10250/pods`;
  const options = { ...credentials, rejectUnauthorized: false, agent: false };
  return new Promise((resolve, reject) => {
    const call = request(url, options, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    });
    call.on('error', reject).end();
  });
}
