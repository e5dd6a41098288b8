import type { RegistryAuth } from '@nodeagent/cri-client';
import type { Connection, KubeClient, Material, Pod } from '@nodeagent/kube-client';

import type { ObjectSource } from '../volumes/index.js';
import type { Certificate, CertificateTemplate, KeyedPem } from './model/certificate.js';
import type { CredentialProvider } from './model/credential-provider.js';
import type { KeyringEntry } from './plan/keyring.js';

/** An object of a namespace that stands for credentials. */
export interface CredentialOwner {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
}

/** What a registry is shown, and whose it is: the node's own where no owner is named. */
export interface PullCredential {
  readonly auth: RegistryAuth;
  /** The pod's secret that holds it. */
  readonly secret?: CredentialOwner;
  /** For which a credential provider gave it. */
  readonly serviceAccount?: CredentialOwner;
}

/** What a credential provider gave. */
export interface ProvidedEntry extends KeyringEntry {
  /** Undefined where it was not told of any. */
  readonly serviceAccount?: CredentialOwner;
}

/**
 * Runs a plug-in once.
 *
 * @param request as the protocol has it
 * @returns its answer as it wrote it
 * @throws when it fails or takes too long; without anything of its answer
 */
export type CallProvider = (
  provider: CredentialProvider,
  request: string,
  signal: AbortSignal,
) => Promise<string>;

export interface PullCredentials {
  /** In the order to be tried; empty: pull as nobody. */
  forImage(pod: Pod, repository: string, signal: AbortSignal): Promise<readonly PullCredential[]>;
}

/** What is kept at hand for the pods that need it. */
export interface PodFollower {
  /** The pod is here, or changed: what it refers to now is kept, what it no longer refers to is not. */
  follow(pod: Pod): void;
  /** The pod is gone; one that is not known is fine. */
  release(podUid: string): void;
}

export interface FollowedObjects extends ObjectSource, PodFollower {}

export interface StubRequest {
  /** PKCS #10, DER. */
  readonly requestDer: Uint8Array;
  /** PKCS #8, PEM. */
  readonly keyPem: string;
}

/** Makes keys for pods, with a request each that is signed by it and says nothing else. */
export interface StubMaker {
  /** @param keyType as in a podCertificate source, e.g. `ECDSAP256`; @throws when it is not known */
  makeStub(keyType: string): Promise<StubRequest>;
}

/** A node's certificate on disk: the newest is in force. */
export interface CertificateStore {
  /** Undefined when there is none, or none that can be read. */
  current(): Promise<Readonly<{ certificate: Certificate; pem: KeyedPem }> | undefined>;
  /**
   * What a certificate and its key say, without touching the one in force.
   *
   * @throws {Error} when they cannot be used: no certificate, a broken one in the chain, another key
   */
  inspect(pem: KeyedPem): Certificate;
  /**
   * Makes it the one in force, for every reader at once.
   *
   * @throws {Error} as `inspect`; the one in force stays
   */
  save(pem: KeyedPem, nowMs: number): Promise<void>;
}

/** Makes keys, and requests that are signed by them. */
export interface RequestMaker {
  /** PEM. @param keyPem PKCS #8; a new key when absent */
  make(
    template: CertificateTemplate,
    keyPem?: string,
  ): Promise<Readonly<{ requestPem: string; keyPem: string }>>;
}

/** Keeps the key of a request that has no answer yet, for a kubelet that is started again. */
export interface PendingKey {
  read(): Promise<string | undefined>;
  write(keyPem: string): Promise<void>;
  remove(): Promise<void>;
}

/** Credentials of the node itself for registries, beside those that pods bring. */
export interface CredentialAdapters {
  /** Those of the node's docker configuration, read anew each time. */
  nodeEntries(): Promise<readonly KeyringEntry[]>;
  /**
   * The configured credential provider plug-ins; undefined where none are configured.
   *
   * @param rules without `tokens` no plug-in may ask for tokens of service accounts
   * @throws {ConfigError} with everything that is wrong with the plug-ins and their configuration
   */
  readProviders(rules: Readonly<{ tokens: boolean }>): Promise<ConfiguredProviders | undefined>;
}

export interface ConfiguredProviders {
  readonly providers: readonly CredentialProvider[];
  /** Of all configuration files, `sha256:…`: a metric shows which configuration is in force. */
  readonly hash: string;
  readonly call: CallProvider;
}

/** Kubeconfig files, and the clients that they describe. */
export interface Kubeconfigs {
  /** @throws {KubeError} `KUBE_CONFIG` */
  load(path: string): Promise<Connection>;
  /** With its parent directories; readers see the old file or the new one. */
  write(path: string, text: string): Promise<void>;
  exists(path: string): Promise<boolean>;
  /** What a kubeconfig holds or refers to. */
  contentOf(material: Material): Promise<string>;
  connect(connection: Connection, options: ConnectOptions): ClosableKubeClient;
}

export interface ConnectOptions {
  /** Requests a second, and at a time; unlimited when absent. */
  readonly rateLimit?: Readonly<{ perSecond: number; burst: number }>;
  readonly requestTimeoutMs?: number;
}

export interface ClosableKubeClient extends KubeClient {
  close(): void;
}
