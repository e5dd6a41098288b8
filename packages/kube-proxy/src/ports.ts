import type { Ipvs } from '@nodeagent/ipvs';
import type { Ipset } from '@nodeagent/netfilter/ipset';
import type { NetlinkSocket } from '@nodeagent/netlink-codec';

import type { IpFamily } from './model/address.js';
import type { NodeView, ViewChange } from './plan/node-view.js';

/** Carries the node view of one address family into the kernel. */
export interface Backend {
  /**
   * Makes the kernel forward as the view says. After a failure the next call must not rely on what
   * earlier calls wrote.
   *
   * @returns whether everything was written or only what changed
   * @throws when the kernel does not hold the view now
   */
  sync(view: NodeView, change: ViewChange, signal: AbortSignal): Promise<'full' | 'partial'>;
  /** The next sync writes everything. */
  requestFull(): void;
  /** Watches for others removing our rules; calls back each time. Resolves after an abort. */
  watch(onLost: () => void, signal: AbortSignal): Promise<void>;
}

/** Tells people about objects that cannot be served as they are. */
export interface Problems {
  /**
   * What is wrong with one part of an object now; what was said before and still holds is not said
   * again. Nothing: all is well.
   *
   * @param about `name` is `namespace/name`; `part` tells who found it, so that each finder speaks
   *   for itself
   */
  set(
    about: Readonly<{ kind: 'Service' | 'EndpointSlice'; name: string; part: string }>,
    messages: readonly string[],
  ): void;
}

/** Kernel settings by path below /proc/sys, `net/ipv4/ip_forward`, or of a module under /sys. */
export interface Sysctl {
  /** @throws {ProxyError} `PROXY_SYSCTL` */
  read(key: string): Promise<string>;
  /** @throws {ProxyError} `PROXY_SYSCTL` */
  write(key: string, value: string): Promise<void>;
}

/**
 * Opens a netlink socket in this network namespace.
 *
 * @throws {NetlinkError} `NETLINK_UNAVAILABLE`, `NETLINK_SOCKET`
 */
export type OpenNetlink = (protocol: 'route' | 'netfilter' | 'generic') => Promise<NetlinkSocket>;

/** The kernel's named packet counters. */
export interface KernelCounterTable {
  /** @throws {NetfilterError} when the kernel has none, or we may not */
  ensure(name: string, signal: AbortSignal): Promise<'created' | 'existed'>;
  /** @returns undefined when there is no counter of the name */
  read(
    name: string,
    signal: AbortSignal,
  ): Promise<Readonly<{ packets: bigint; bytes: bigint }> | undefined>;
}

/** This host's addresses. */
export interface Interfaces {
  /** All of one family, each once, as they are now. */
  addresses(family: IpFamily): readonly string[];
}

/**
 * The dummy network interface that makes Service addresses this machine's own.
 *
 * Every call throws {@link ProxyError} `PROXY_INTERFACE`.
 */
export interface ServiceInterface {
  /** Makes it when it is missing. It stays down: nothing is sent through it. */
  ensure(signal: AbortSignal): Promise<void>;
  /** Its addresses of one family, and those of all other interfaces but loopback and link-local ones. */
  list(
    family: IpFamily,
    signal: AbortSignal,
  ): Promise<Readonly<{ own: readonly string[]; others: readonly string[] }>>;
  /** Single addresses; those that are there already are fine. */
  add(addresses: readonly string[], signal: AbortSignal): Promise<void>;
  /** Those that are gone already are fine. */
  remove(addresses: readonly string[], signal: AbortSignal): Promise<void>;
  /** With all its addresses; gone already is fine. */
  destroy(signal: AbortSignal): Promise<void>;
}

/** What ipvs mode programs in the kernel. */
export interface NetlinkAccess {
  readonly ipvs: Ipvs;
  readonly ipset: Ipset;
  readonly serviceInterface: ServiceInterface;
  close(): void;
}

export interface HttpRequest {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** The header of that name. */
  readonly accept?: string | undefined;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string;
}

export type HttpHandler = (request: HttpRequest) => HttpAnswer | Promise<HttpAnswer>;

export interface HttpAddress {
  readonly host: string;
  readonly port: number;
}

/** Small plain-HTTP servers. */
export interface HttpListener {
  /**
   * Resolves once it listens.
   *
   * @throws {ProxyError} `PROXY_LISTEN`
   */
  listen(address: HttpAddress, handler: HttpHandler): Promise<HttpServer>;
}

export interface HttpServer {
  /** Stops at once, also for connections that are open. */
  close(): Promise<void>;
}

export interface SocketAddress {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
}

/** Where one attempt to reach a server goes. */
export interface ForwardTarget {
  readonly host: string;
  readonly port: number;
}

/** What is decided for, and told about, a forwarding socket's clients. */
export interface Forwarding {
  /**
   * The server for a client's new connection.
   *
   * @param attempt 0 for the first; later ones follow failures
   * @returns undefined to turn the client away
   */
  pick(client: string, attempt: number): ForwardTarget | undefined;
  /** A connection, or UDP session, has its server. */
  opened(): void;
  closed(bytes: Readonly<{ toServer: number; toClient: number }>): void;
  /** No server could be reached. */
  failed(error: Error): void;
}

export interface ForwardOptions {
  /** How long each attempt to connect may take; as many attempts as entries. */
  readonly dialTimeoutsMs: readonly number[];
  /** UDP: a client's session ends after this without a datagram either way. */
  readonly idleMs: number;
}

export interface ForwardingSocket {
  readonly port: number;
  /** UDP: ends sessions with servers that are not wanted any more; TCP connections go on. */
  endSessions(isGone: (target: ForwardTarget) => boolean): void;
  /** Takes no more clients; TCP connections that are open go on. */
  close(): Promise<void>;
}

/** Sockets that pass on what they get: the userspace mode's data path. */
export interface ForwardSockets {
  /** @throws {ProxyError} `PROXY_LISTEN` */
  forwardTcp(
    address: SocketAddress,
    forwarding: Forwarding,
    options: ForwardOptions,
  ): Promise<ForwardingSocket>;
  /**
   * @param addresses the first one's port, if 0, is that of all
   * @throws {ProxyError} `PROXY_LISTEN`
   */
  forwardUdp(
    addresses: readonly SocketAddress[],
    forwarding: Forwarding,
    options: ForwardOptions,
  ): Promise<ForwardingSocket>;
  /**
   * Keeps a port from everybody else on this host.
   *
   * @throws {ProxyError} `PROXY_LISTEN` when somebody has it
   */
  claim(
    protocol: 'TCP' | 'UDP',
    address: SocketAddress,
  ): Promise<Readonly<{ close(): Promise<void> }>>;
}
