import type { RegistryAuth } from '@nodeagent/cri-client';
import type { Connection, KubeClient, Material, Pod } from '@nodeagent/kube-client';

import type { ObjectSource } from '../volumes/index.js';
import type { Certificate, CertificateTemplate, KeyedPem } from './model/certificate.js';
import type { CredentialProvider } from './model/credential-provider.js';
import type { KeyringEntry } from './plan/keyring.js';

/** A namespaced object that credentials belong to. */
export interface CredentialOwner {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
}

/** Credentials for a registry, with their owner; without owner, they are the node's own. */
export interface PullCredential {
  readonly auth: RegistryAuth;
  /** The pod's secret that contains them. */
  readonly secret?: CredentialOwner;
  /** The service account for which a credential provider supplied them. */
  readonly serviceAccount?: CredentialOwner;
}

/** Credentials that a credential provider supplied. */
export interface ProvidedEntry extends KeyringEntry {
  /** Undefined if the provider was called without a service account. */
  readonly serviceAccount?: CredentialOwner;
}

/**
 * Runs a plug-in once.
 *
 * @param request in the format of the protocol
 * @returns the plug-in's output, unparsed
 * @throws if the plug-in fails or takes too long; the error contains nothing of its output
 */
export type CallProvider = (
  provider: CredentialProvider,
  request: string,
  signal: AbortSignal,
) => Promise<string>;

export interface PullCredentials {
  /** Credentials in the order in which to try them; empty: pull anonymously. */
  forImage(pod: Pod, repository: string, signal: AbortSignal): Promise<readonly PullCredential[]>;
}

/** Keeps objects available for the pods that refer to them. */
export interface PodFollower {
  /**
   * The pod is new or changed: keeps what it refers to now, and drops what it no longer refers to.
   */
  follow(pod: Pod): void;
  /** The pod is gone; does nothing for an unknown pod. */
  release(podUid: string): void;
}

export interface FollowedObjects extends ObjectSource, PodFollower {}

export interface StubRequest {
  /** PKCS #10, DER. */
  readonly requestDer: Uint8Array;
  /** PKCS #8, PEM. */
  readonly keyPem: string;
}

/**
 * Creates keys for pods, each with a request that contains only the public key and its signature.
 */
export interface StubMaker {
  /** @param keyType as in a podCertificate source, e.g. `ECDSAP256`; @throws if it is unknown */
  makeStub(keyType: string): Promise<StubRequest>;
}

/** A node's certificates on disk; the newest is in force. */
export interface CertificateStore {
  /** Undefined if there is no readable certificate. */
  current(): Promise<Readonly<{ certificate: Certificate; pem: KeyedPem }> | undefined>;
  /**
   * Parses a certificate and its key, without changing the one in force.
   *
   * @throws {Error} if there is no certificate, the chain is broken, or the key does not match
   */
  inspect(pem: KeyedPem): Certificate;
  /**
   * Puts the certificate in force, atomically for all readers.
   *
   * @throws {Error} as `inspect` does; the certificate in force stays unchanged
   */
  save(pem: KeyedPem, nowMs: number): Promise<void>;
}

/** Creates keys, and certificate requests signed with them. */
export interface RequestMaker {
  /** Returns PEM. @param keyPem PKCS #8; default: a new key */
  make(
    template: CertificateTemplate,
    keyPem?: string,
  ): Promise<Readonly<{ requestPem: string; keyPem: string }>>;
}

/** Keeps the key of a pending request for a restarted kubelet. */
export interface PendingKey {
  read(): Promise<string | undefined>;
  write(keyPem: string): Promise<void>;
  remove(): Promise<void>;
}

/** The node's own credentials for registries, besides those of pods. */
export interface CredentialAdapters {
  /** Credentials in the node's docker configuration; read again on each call. */
  nodeEntries(): Promise<readonly KeyringEntry[]>;
  /**
   * The configured credential provider plug-ins; undefined if none are configured.
   *
   * @param rules without `tokens`, plug-ins must not request service account tokens
   * @throws {ConfigError} with every problem of the plug-ins and their configuration
   */
  readProviders(rules: Readonly<{ tokens: boolean }>): Promise<ConfiguredProviders | undefined>;
}

/** The credential provider plug-ins of a node. */
export interface ConfiguredProviders {
  readonly providers: readonly CredentialProvider[];
  /** Hash of all configuration files, `sha256:…`; a metric reports it. */
  readonly hash: string;
  readonly call: CallProvider;
}

/** Kubeconfig files, and clients created from them. */
export interface Kubeconfigs {
  /** @throws {KubeError} `KUBE_CONFIG` */
  load(path: string): Promise<Connection>;
  /** Creates parent directories; atomic: readers see the old file or the new one. */
  write(path: string, text: string): Promise<void>;
  exists(path: string): Promise<boolean>;
  /** The content that a kubeconfig contains or refers to. */
  contentOf(material: Material): Promise<string>;
  connect(connection: Connection, options: ConnectOptions): ClosableKubeClient;
}

export interface ConnectOptions {
  /** Requests per second, and burst; absent: unlimited. */
  readonly rateLimit?: Readonly<{ perSecond: number; burst: number }>;
  readonly requestTimeoutMs?: number;
}

export interface ClosableKubeClient extends KubeClient {
  close(): void;
}
