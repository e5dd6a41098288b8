import type { RegistryAuth } from '@nodeagent/cri-client';
import type { Pod } from '@nodeagent/kube-client';

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
