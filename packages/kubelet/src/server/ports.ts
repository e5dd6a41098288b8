import type { Clock, Logger, Metrics } from '@nodeagent/base';
import type { Profiler } from '@nodeagent/component-base';
import type { LogBytesOptions } from '@nodeagent/cri-client';
import type { Pod } from '@nodeagent/kube-client';

import type { Answer, NodeRequest } from './model/exchange.js';
import type { Identity } from './model/identity.js';
import type { AccessQuestion } from './plan/access.js';
import type { TlsSettings } from './plan/tls-settings.js';
import type { DirectoryEntry } from './render/directory-page.js';

/** The pods of this node that the node API shows. */
export interface PodsOnNode {
  /** Every pod from any source, with the newest status that this kubelet has computed. */
  pods(): readonly Pod[];
  /** The uid of a static pod's mirror pod, under which the API knows it. */
  mirrorUid?(pod: Pod): string | undefined;
  /** Undefined while the pod loops make progress. */
  problem(): string | undefined;
}

/**
 * Authentication and authorization by the API server; both methods reject if it does not answer.
 */
export interface Reviews {
  /**
   * @param from the client's origin (see `originOf`), for limiting its share
   * @returns undefined for an invalid token
   * @throws {TooManyQuestions}
   */
  identityOf(token: string, from: string, signal: AbortSignal): Promise<Identity | undefined>;
  /** @throws {TooManyQuestions} */
  isAllowed(question: AccessQuestion, signal: AbortSignal): Promise<boolean>;
}

/** The server of the node API. */
export interface NodeServer {
  /** Serves until the signal fires. @throws if an address is unavailable, which ends the kubelet */
  run(pods: PodsOnNode, signal: AbortSignal): Promise<void>;
}

/** One listener of the node API: a port of this machine. */
export interface NodeListener {
  /**
   * Serves until the signal fires. A request's own signal fires when its client disconnects or the
   * listener ends.
   *
   * @throws if the address is unavailable
   */
  serve(handle: HandleRequest, signal: AbortSignal): Promise<void>;
}

/** Never rejects: failures become answers. */
export type HandleRequest = (request: NodeRequest, signal: AbortSignal) => Promise<Answer>;

export type SystemLog =
  | Readonly<{ kind: 'directory'; entries: readonly DirectoryEntry[] }>
  | Readonly<{ kind: 'file'; read: () => AsyncIterable<Uint8Array> }>;

/** Access to the machine's log directory. */
export interface SystemLogs {
  /**
   * @param path relative, with slashes; untrusted
   * @returns undefined if the path does not exist, resolves to a place outside the directory, or is
   *   neither a file nor a directory
   */
  find(path: string): Promise<SystemLog | undefined>;
}

/** Access to the machine's journal. */
export interface Journal {
  /** False if the machine has no journal. */
  hasUnit(name: string, signal: AbortSignal): Promise<boolean>;
  /** @param args arguments of `journalctl` */
  read(args: readonly string[], signal: AbortSignal): AsyncIterable<Uint8Array>;
}

/** A certificate with its private key; keep it out of logs. */
export interface KeyedCertificate {
  /** The certificate followed by its intermediate certificates. */
  readonly certificatePem: string;
  readonly keyPem: string;
}

/** A value read from files, and read again when they change. */
export interface Reloaded<T> {
  /** Undefined until there is a value. */
  current(): T | undefined;
  /** Watches for changes until the signal fires; logs unusable contents and keeps the old value. */
  run(onChange: () => void, signal: AbortSignal): Promise<void>;
}

/** Configuration of a listener of the node API. */
export interface ListenerSpec {
  readonly address: string;
  readonly port: number;
  /** Cuts streams without traffic for this long; 0: never. */
  readonly streamIdleTimeoutMs: number;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface SecureListenerSpec extends ListenerSpec {
  readonly tls: TlsSettings;
  readonly certificate: Reloaded<KeyedCertificate>;
  /** Undefined: client certificates are not requested. */
  readonly clientCa: Reloaded<string> | undefined;
}

/** The node API's effects on this machine. */
export interface NodeServerAdapters {
  secureListener(spec: SecureListenerSpec): NodeListener;
  plainListener(spec: ListenerSpec): NodeListener;
  /** Reads these files; without them, creates and keeps a self-signed certificate. */
  servingCertificate(
    files: Readonly<{ certificate: string; key: string }> | undefined,
  ): Promise<Reloaded<KeyedCertificate>>;
  /** The CAs for client certificates, from a PEM file. */
  clientCa(path: string): Promise<Reloaded<string>>;
  readonly readLog: ReadLog;
  readonly systemLogs: SystemLogs;
  readonly journal: Journal;
  readonly profiler: Profiler;
  /**
   * A one-way digest with a secret key of this process, so that cached tokens are useless to a
   * thief.
   */
  digest(text: string): string;
  /** Facts about this process, for `/statusz`. */
  readonly program: Readonly<{ startedAtMs: number; runtimeVersion: string }>;
}

/** Reads a container's log and the rotated files before it; the buffers of pieces may be reused. */
export type ReadLog = (
  path: string,
  options: LogBytesOptions,
  signal: AbortSignal,
) => AsyncIterable<Uint8Array>;
