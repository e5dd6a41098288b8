import type { Clock, Logger, Random, ScopeTask } from '@nodeagent/base';
import type { Connection, Material } from '@nodeagent/kube-client';

import { renderBootstrappedKubeconfig } from '../plan/bootstrap-kubeconfig.js';
import { certificateEndMs } from '../plan/certificate-end.js';
import type { CertificateStore, Kubeconfigs, PendingKey, RequestMaker } from '../ports.js';
import { bootstrapCertificate } from './bootstrap.js';

export interface OpenConnectionOptions {
  /** Path of the node's own kubeconfig. */
  readonly kubeconfig: string;
  /** Path of one whose credentials may ask for the node's own. */
  readonly bootstrapKubeconfig: string | undefined;
  readonly rotateCertificates: boolean;
  readonly nodeName: string;
  readonly kubeconfigs: Kubeconfigs;
  readonly store: CertificateStore;
  /** Where the certificate in force is found, whichever it is. */
  readonly currentPath: string;
  readonly requests: RequestMaker;
  readonly pendingKey: PendingKey;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** Without rotation a node that gets no certificate in this time is started again by its supervisor. */
const BOOTSTRAP_PATIENCE_MS = 3_600_000;
/** With rotation: how long a server may answer that these credentials may not ask. */
const REFUSED_PATIENCE_MS = 5 * 60_000;

export interface OpenConnection {
  readonly connection: Connection;
  /** Gets the node its first certificate, where that is still to come: until then it has no name. */
  readonly bootstrap: ScopeTask | undefined;
}

/**
 * The API server and the kubelet's own name there, as the kubeconfig says. That file is written
 * first where there is only a bootstrap kubeconfig, or where its certificate is over. With
 * `rotateCertificates` the first certificate is asked for while static pods already run; without it
 * nothing runs before the certificate is there.
 *
 * @see Kubernetes 1.36 cmd/kubelet/app/server.go, buildKubeletClientConfig
 */
export async function openConnection(
  options: OpenConnectionOptions,
  signal: AbortSignal,
): Promise<OpenConnection> {
  const { kubeconfig, bootstrapKubeconfig, rotateCertificates, kubeconfigs, currentPath } = options;
  if (bootstrapKubeconfig === undefined || (await isUsable(options))) {
    const known = await kubeconfigs.load(kubeconfig);
    const connection = rotateCertificates ? await rotating(known, options) : known;
    return { connection, bootstrap: undefined };
  }
  const first = await kubeconfigs.load(bootstrapKubeconfig);
  const bootstrap: ScopeTask = (inner) => getCertificate(first, options, inner);
  if (!rotateCertificates) await bootstrap(signal);
  await kubeconfigs.write(kubeconfig, renderBootstrappedKubeconfig(first, currentPath));
  if (!rotateCertificates) {
    return { connection: await kubeconfigs.load(kubeconfig), bootstrap: undefined };
  }
  const file: Material = { kind: 'file', path: currentPath, mayBeMissing: true };
  const user = { clientCertificate: { certificate: file, key: file } };
  return { connection: { ...first, source: `kubeconfig ${kubeconfig}`, user }, bootstrap };
}

async function getCertificate(
  connection: Connection,
  options: OpenConnectionOptions,
  signal: AbortSignal,
): Promise<void> {
  const { kubeconfigs, rotateCertificates, nodeName, store, requests, log } = options;
  const { clock, random } = options;
  const client = kubeconfigs.connect(connection, {});
  log.info({ by: connection.source }, 'asking for the first client certificate');
  try {
    await bootstrapCertificate(
      {
        ...{ client, nodeName, requests, store, clock, random, log },
        // with rotation each request has a new key
        pendingKey: rotateCertificates ? undefined : options.pendingKey,
        ...(rotateCertificates
          ? { patienceMs: undefined, refusedPatienceMs: REFUSED_PATIENCE_MS }
          : { patienceMs: BOOTSTRAP_PATIENCE_MS }),
      },
      signal,
    );
  } finally {
    client.close();
  }
}

/** Whether the node's kubeconfig can be read and holds a client certificate that is not over. */
async function isUsable(options: OpenConnectionOptions): Promise<boolean> {
  const { kubeconfigs, kubeconfig, clock } = options;
  try {
    const { user } = await kubeconfigs.load(kubeconfig);
    if (user.clientCertificate === undefined) return false;
    const pem = await kubeconfigs.contentOf(user.clientCertificate.certificate);
    return certificateEndMs(pem) > clock.nowMs();
  } catch {
    return false; // whatever is wrong with it, the bootstrap kubeconfig was given for this
  }
}

/** The same connection by the certificate that is renewed, which begins as the kubeconfig's own. */
async function rotating(
  connection: Connection,
  { kubeconfigs, store, currentPath, clock, log }: OpenConnectionOptions,
): Promise<Connection> {
  const { clientCertificate } = connection.user;
  if (clientCertificate === undefined) {
    const fields = { kubeconfig: connection.source };
    log.warn(fields, 'no client certificate to rotate in the kubeconfig');
    return connection;
  }
  if (!(await kubeconfigs.exists(currentPath))) {
    const pem = (await store.current())?.pem ?? {
      certificatePem: await kubeconfigs.contentOf(clientCertificate.certificate),
      keyPem: await kubeconfigs.contentOf(clientCertificate.key),
    };
    await store.save(pem, clock.nowMs());
  }
  const file: Material = { kind: 'file', path: currentPath };
  return { ...connection, user: { clientCertificate: { certificate: file, key: file } } };
}
