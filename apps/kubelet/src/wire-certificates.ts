import { access, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { X509Certificate } from 'node:crypto';
import { dirname } from 'node:path';

import type { Clock, Logger, Metrics, Random, ScopeTask } from '@nodeagent/base';
import type { Connection, KubeClient, Material } from '@nodeagent/kube-client';
import { createKubeClient } from '@nodeagent/kube-client/http';
import { loadKubeconfig } from '@nodeagent/kube-client/kubeconfig';
import type { IssuedCertificate } from '@nodeagent/kubelet';
import {
  bootstrapCertificate,
  type CertificateStore,
  clientTemplate,
  renderBootstrappedKubeconfig,
  runCertificateRotation,
  servingTemplate,
} from '@nodeagent/kubelet';
import {
  createCertificateStore,
  createPendingKey,
  createRequestMaker,
  currentCertificatePath,
} from '@nodeagent/kubelet/adapters';

import type { Options } from './options.js';
import { VERSION } from './settings.js';

export interface CertificateParts {
  readonly options: Options;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Metrics;
}

/** Without rotation a node that gets no certificate in this time is started again by its supervisor. */
const BOOTSTRAP_PATIENCE_MS = 3_600_000;
/** With it, where the server answers that these credentials are no good. */
const REFUSED_PATIENCE_MS = 5 * 60_000;

export interface OpenConnection {
  readonly connection: Connection;
  /** Gets the node its first certificate, where that is still to come: nobody is known until then. */
  readonly bootstrap: ScopeTask | undefined;
}

/**
 * The API server, and the kubelet's own name there: as the kubeconfig says, which is written first
 * where only a bootstrap kubeconfig is there, or the kubeconfig's certificate is over. With
 * `rotateCertificates` the first certificate is asked for while pods of files already run; without,
 * nothing runs before it is there.
 *
 * @returns undefined without a kubeconfig
 * @see Kubernetes 1.36 cmd/kubelet/app/server.go, buildKubeletClientConfig
 */
export async function openConnection(
  parts: CertificateParts,
  signal: AbortSignal,
): Promise<OpenConnection | undefined> {
  const { kubeconfig, bootstrapKubeconfig, config, certDir } = parts.options;
  if (kubeconfig === undefined) return undefined;
  if (bootstrapKubeconfig === undefined || (await isUsable(kubeconfig, parts.clock))) {
    const known = await loadKubeconfig({ path: kubeconfig });
    const connection = config.rotateCertificates ? await rotating(known, parts) : known;
    return { connection, bootstrap: undefined };
  }
  const first = await loadKubeconfig({ path: bootstrapKubeconfig });
  const bootstrap: ScopeTask = (inner) => getCertificate(first, parts, inner);
  if (!config.rotateCertificates) {
    await bootstrap(signal);
    await writeKubeconfig(kubeconfig, first, certDir);
    return { connection: await loadKubeconfig({ path: kubeconfig }), bootstrap: undefined };
  }
  await writeKubeconfig(kubeconfig, first, certDir);
  const path = currentCertificatePath(certDir, 'client');
  const file: Material = { kind: 'file', path, mayBeMissing: true };
  const user = { clientCertificate: { certificate: file, key: file } };
  return { connection: { ...first, source: `kubeconfig ${kubeconfig}`, user }, bootstrap };
}

async function getCertificate(
  connection: Connection,
  parts: CertificateParts,
  signal: AbortSignal,
): Promise<void> {
  const { options, log } = parts;
  const { nodeName, certDir, config } = options;
  const client = createKubeClient(connection, {
    userAgent: `kubelet/${VERSION} (linux/${process.arch}) nodeagent`,
  });
  log.info({ by: connection.source }, 'asking for the first client certificate');
  try {
    await bootstrapCertificate(
      {
        ...{ ...parts, client, nodeName, requests: createRequestMaker() },
        store: createCertificateStore(certDir, 'client'),
        // who renews certificates asks anew each time, with a new key
        pendingKey: config.rotateCertificates ? undefined : createPendingKey(certDir),
        ...(config.rotateCertificates
          ? { patienceMs: undefined, refusedPatienceMs: REFUSED_PATIENCE_MS }
          : { patienceMs: BOOTSTRAP_PATIENCE_MS }),
      },
      signal,
    );
  } finally {
    client.close();
  }
}

/** The server of the bootstrap kubeconfig, with the certificate that is renewed. */
async function writeKubeconfig(
  kubeconfig: string,
  bootstrap: Connection,
  certDir: string,
): Promise<void> {
  const text = renderBootstrappedKubeconfig(bootstrap, currentCertificatePath(certDir, 'client'));
  await mkdir(dirname(kubeconfig), { recursive: true, mode: 0o700 });
  await writeFile(`${kubeconfig}.new`, text, { mode: 0o600, flush: true });
  await rename(`${kubeconfig}.new`, kubeconfig);
}

/** Whether it can be read and holds a client certificate that is not over. */
async function isUsable(path: string, clock: Clock): Promise<boolean> {
  try {
    const { user } = await loadKubeconfig({ path });
    if (user.clientCertificate === undefined) return false;
    const pem = await contentOf(user.clientCertificate.certificate);
    return Date.parse(new X509Certificate(pem).validTo) > clock.nowMs();
  } catch {
    return false; // whatever is wrong with it, the bootstrap kubeconfig was given for this
  }
}

/** The same connection by the certificate that is renewed, which begins as the kubeconfig's own. */
async function rotating(
  connection: Connection,
  { options, clock, log }: CertificateParts,
): Promise<Connection> {
  const { clientCertificate } = connection.user;
  if (clientCertificate === undefined) {
    log.warn(
      { kubeconfig: connection.source },
      'no client certificate to rotate in the kubeconfig',
    );
    return connection;
  }
  const path = currentCertificatePath(options.certDir, 'client');
  if (!(await exists(path))) {
    const store = createCertificateStore(options.certDir, 'client');
    const pem = (await store.current())?.pem ?? {
      certificatePem: await contentOf(clientCertificate.certificate),
      keyPem: await contentOf(clientCertificate.key),
    };
    await store.save(pem, clock.nowMs());
  }
  const file: Material = { kind: 'file', path };
  return { ...connection, user: { clientCertificate: { certificate: file, key: file } } };
}

export interface RotationParts extends CertificateParts {
  readonly client: KubeClient;
  readonly connection: Connection | undefined;
  readonly bootstrap: ScopeTask | undefined;
  /** As the API last told them. */
  readonly addresses: () => readonly Readonly<{ type: string; address: string }>[];
  /** Where serving certificates are shown; undefined where they are not asked for. */
  readonly issued: IssuedCertificate | undefined;
}

/** The loops that keep the node's certificates in force. */
export function rotationTasks(parts: RotationParts): readonly ScopeTask[] {
  const { options, connection, bootstrap, addresses, issued } = parts;
  const { certDir, config, nodeName } = options;
  const requests = createRequestMaker();
  const tasks: ScopeTask[] = [];
  if (config.rotateCertificates && connection?.user.clientCertificate !== undefined) {
    const store = createCertificateStore(certDir, 'client');
    const template = clientTemplate(nodeName);
    const options = {
      ...parts,
      requests,
      store,
      purpose: 'client',
      template: () => template,
    } as const;
    tasks.push(async (signal) => {
      await bootstrap?.(signal);
      await runCertificateRotation(options, signal);
    });
  }
  if (issued !== undefined && connection !== undefined) {
    const store = tellingStore(createCertificateStore(certDir, 'server'), issued);
    const template = () => servingTemplate(nodeName, addresses());
    const options = { ...parts, requests, store, purpose: 'server', template } as const;
    tasks.push((signal) => runCertificateRotation(options, signal));
  }
  return tasks;
}

/** What is read or saved is shown from then on. */
function tellingStore(store: CertificateStore, issued: IssuedCertificate): CertificateStore {
  return {
    current: async () => {
      const held = await store.current();
      if (held !== undefined) issued.show(held.pem, held.certificate.notAfterMs);
      return held;
    },
    inspect: (pem) => store.inspect(pem),
    save: (pem, nowMs) => store.save(pem, nowMs),
  };
}

function contentOf(material: Material): Promise<string> {
  return material.kind === 'inline'
    ? Promise.resolve(material.text)
    : readFile(material.path, 'utf8');
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    (error: unknown) => {
      if (isMissing(error)) return false;
      throw error;
    },
  );
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
