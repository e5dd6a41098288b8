import type { Clock, Logger, Metrics } from '@nodeagent/base';
import type { LogBytesOptions } from '@nodeagent/cri-client';
import type { Pod } from '@nodeagent/kube-client';

import type { Answer, NodeRequest } from './model/exchange.js';
import type { Identity } from './model/identity.js';
import type { AccessQuestion } from './plan/access.js';
import type { TlsSettings } from './plan/tls-settings.js';
import type { DirectoryEntry } from './render/directory-page.js';

/** The pods of this node, as the node API shows them. */
export interface PodsOnNode {
  /** Every pod that a source wants here, each with the status that this kubelet last gave it. */
  pods(): readonly Pod[];
  /** By which uid the API knows a static pod: that of its mirror. */
  mirrorUid?(pod: Pod): string | undefined;
  /** Undefined while the pod loops turn. */
  problem(): string | undefined;
}

/** The API server's answers about who and what; both reject when it gives none. */
export interface Reviews {
  /**
   * @param from who asks is counted by it, see `originOf`
   * @returns undefined for a token that is nobody's
   * @throws {TooManyQuestions}
   */
  identityOf(token: string, from: string, signal: AbortSignal): Promise<Identity | undefined>;
  /** @throws {TooManyQuestions} */
  isAllowed(question: AccessQuestion, signal: AbortSignal): Promise<boolean>;
}

/** Serves the node API until the signal fires. */
export interface NodeServer {
  /** @throws when an address cannot be had: a kubelet without its API is no kubelet */
  run(pods: PodsOnNode, signal: AbortSignal): Promise<void>;
}

/** One door of the node API: a port of this machine. */
export interface NodeListener {
  /**
   * Serves until the signal fires. A request's own signal fires when its client is gone or the
   * listener ends.
   *
   * @throws when the address cannot be had
   */
  serve(handle: HandleRequest, signal: AbortSignal): Promise<void>;
}

/** Never rejects: failures are answers. */
export type HandleRequest = (request: NodeRequest, signal: AbortSignal) => Promise<Answer>;

export type SystemLog =
  | Readonly<{ kind: 'directory'; entries: readonly DirectoryEntry[] }>
  | Readonly<{ kind: 'file'; read: () => AsyncIterable<Uint8Array> }>;

/** The machine's log directory. */
export interface SystemLogs {
  /**
   * @param path relative, in slashes, whatever a client may have sent
   * @returns undefined for what is not there, is not below the directory once links are followed,
   *   or is neither file nor folder
   */
  find(path: string): Promise<SystemLog | undefined>;
}

/** What services of the machine have said. */
export interface Journal {
  /** False where there is no journal. */
  hasUnit(name: string, signal: AbortSignal): Promise<boolean>;
  /** @param args of `journalctl` */
  read(args: readonly string[], signal: AbortSignal): AsyncIterable<Uint8Array>;
}

export interface KeyedCertificate {
  /** The certificate and those that lead from it to its CA. */
  readonly certificatePem: string;
  readonly keyPem: string;
}

/** Something that is read from files, and again when they change. */
export interface Reloaded<T> {
  /** Undefined when there is none (yet). */
  current(): T | undefined;
  /** Looks for changes until the signal fires; what cannot be used is told to the log, and left. */
  run(onChange: () => void, signal: AbortSignal): Promise<void>;
}

/** Where a door of the node API listens. */
export interface ListenerSpec {
  readonly address: string;
  readonly port: number;
  /** Streams on which nothing moves for so long are cut; 0 for never. */
  readonly streamIdleTimeoutMs: number;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface SecureListenerSpec extends ListenerSpec {
  readonly tls: TlsSettings;
  readonly certificate: Reloaded<KeyedCertificate>;
  /** Undefined: client certificates are not asked for. */
  readonly clientCa: Reloaded<string> | undefined;
}

/** What the node API needs of this machine. */
export interface NodeServerAdapters {
  secureListener(spec: SecureListenerSpec): NodeListener;
  plainListener(spec: ListenerSpec): NodeListener;
  /** From these files; without them, a self-signed certificate that is made once and kept. */
  servingCertificate(
    files: Readonly<{ certificate: string; key: string }> | undefined,
  ): Promise<Reloaded<KeyedCertificate>>;
  /** CAs whose client certificates are believed, from a file of PEM. */
  clientCa(path: string): Promise<Reloaded<string>>;
  readonly readLog: ReadLog;
  readonly systemLogs: SystemLogs;
  readonly journal: Journal;
  /** One-way, and keyed with a secret of this process: what is kept of tokens is no use to a thief. */
  digest(text: string): string;
  /** This process, for `/statusz`. */
  readonly program: Readonly<{ startedAtMs: number; runtimeVersion: string }>;
}

/** Reads a container's log file and the rotated ones before it, in pieces that may be lent. */
export type ReadLog = (
  path: string,
  options: LogBytesOptions,
  signal: AbortSignal,
) => AsyncIterable<Uint8Array>;
