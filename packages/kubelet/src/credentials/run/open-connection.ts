import type { Clock, Logger, Random, ScopeTask } from '@nodeagent/base';
import type { Connection, Material } from '@nodeagent/kube-client';

import { renderBootstrappedKubeconfig } from '../plan/bootstrap-kubeconfig.js';
import { certificateEndMs } from '../plan/certificate-end.js';
import type { CertificateStore, Kubeconfigs, PendingKey, RequestMaker } from '../ports.js';
import { bootstrapCertificate } from './bootstrap.js';

export interface OpenConnectionOptions {
  /** Path of the node's own kubeconfig. */
  readonly kubeconfig: string;
  /** Path of a kubeconfig whose credentials may request the node's own. */
  readonly bootstrapKubeconfig: string | undefined;
  readonly rotateCertificates: boolean;
  readonly nodeName: string;
  readonly kubeconfigs: Kubeconfigs;
  readonly store: CertificateStore;
  /** Path of the current certificate, which rotation replaces. */
  readonly currentPath: string;
  readonly requests: RequestMaker;
  readonly pendingKey: PendingKey;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** Time limit without rotation; a supervisor restarts the kubelet after it. */
const BOOTSTRAP_PATIENCE_MS = 3_600_000;
/** Time limit with rotation, while a server rejects these credentials. */
const REFUSED_PATIENCE_MS = 5 * 60_000;

export interface OpenConnection {
  readonly connection: Connection;
  /**
   * Obtains the node's first certificate; the kubelet is anonymous until then. Undefined if there
   * is one.
   */
  readonly bootstrap: ScopeTask | undefined;
}

/**
 * Opens the API server with the kubelet's own identity, according to the kubeconfig. Writes that
 * file first if there is only a bootstrap kubeconfig, or if its certificate has expired. With
 * `rotateCertificates`, static pods run while the first certificate is requested; without it,
 * nothing runs before the certificate is issued.
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
  log.info({ by: connection.source }, 'requesting the first client certificate');
  try {
    await bootstrapCertificate(
      {
        ...{ client, nodeName, requests, store, clock, random, log },
        // With rotation, each request has a new key.
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

/** True if the node's kubeconfig is readable and contains a valid client certificate. */
async function isUsable(options: OpenConnectionOptions): Promise<boolean> {
  const { kubeconfigs, kubeconfig, clock } = options;
  try {
    const { user } = await kubeconfigs.load(kubeconfig);
    if (user.clientCertificate === undefined) return false;
    const pem = await kubeconfigs.contentOf(user.clientCertificate.certificate);
    return certificateEndMs(pem) > clock.nowMs();
  } catch {
    return false; // for any such error, the bootstrap kubeconfig applies
  }
}

/**
 * The same connection with the rotated certificate, whose first version is the kubeconfig's own.
 */
async function rotating(
  connection: Connection,
  { kubeconfigs, store, currentPath, clock, log }: OpenConnectionOptions,
): Promise<Connection> {
  const { clientCertificate } = connection.user;
  if (clientCertificate === undefined) {
    const fields = { kubeconfig: connection.source };
    log.warn(fields, 'the kubeconfig contains no client certificate to rotate');
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
