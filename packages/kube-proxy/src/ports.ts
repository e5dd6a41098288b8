import type { Ipvs } from '@nodeagent/ipvs';
import type { Ipset } from '@nodeagent/netfilter/ipset';
import type { NetlinkSocket } from '@nodeagent/netlink-codec';

import type { IpFamily } from './model/address.js';
import type { NodeView, ViewChange } from './plan/node-view.js';

/** Programs the node view of one address family into the kernel. */
export interface Backend {
  /**
   * Makes the kernel forward as the view says. After a failure the next call must not rely on
   * anything that earlier calls wrote.
   *
   * @returns `full` when everything was written, `partial` when only the changes were
   * @throws when the kernel does not hold the view now
   */
  sync(view: NodeView, change: ViewChange, signal: AbortSignal): Promise<'full' | 'partial'>;
  /** Makes the next sync write everything. */
  requestFull(): void;
  /**
   * Watches for other programs removing our rules; calls back each time. Resolves after an abort.
   */
  watch(onLost: () => void, signal: AbortSignal): Promise<void>;
}

/** Reports objects that cannot be served as they are. */
export interface Problems {
  /**
   * Sets the present problems of one part of an object; problems already reported are not reported
   * again. An empty list clears them.
   *
   * @param about `name` is `namespace/name`; `part` identifies the finder, so that each finder
   * reports separately
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
 * @throws {NetlinkError} `NETLINK_ADDON_MISSING`, `NETLINK_SOCKET`
 */
export type OpenNetlink = (protocol: 'route' | 'netfilter' | 'generic') => Promise<NetlinkSocket>;

/** The kernel's named packet counters. */
export interface KernelCounterTable {
  /** @throws {NetfilterError} when the kernel has no counters, or permission is missing */
  ensure(name: string, signal: AbortSignal): Promise<'created' | 'existed'>;
  /** @returns undefined when no counter has this name */
  read(
    name: string,
    signal: AbortSignal,
  ): Promise<Readonly<{ packets: bigint; bytes: bigint }> | undefined>;
}

/** This host's addresses. */
export interface Interfaces {
  /** Returns all addresses of one family, each once, as they are now. */
  addresses(family: IpFamily): readonly string[];
}

/**
 * The dummy network interface that makes Service addresses this machine's own.
 *
 * Every call throws {@link ProxyError} `PROXY_INTERFACE`.
 */
export interface ServiceInterface {
  /** Creates the interface when it is missing. It stays down: nothing is sent through it. */
  ensure(signal: AbortSignal): Promise<void>;
  /**
   * Lists its addresses of one family, and those of all other interfaces except loopback and
   * link-local ones.
   */
  list(
    family: IpFamily,
    signal: AbortSignal,
  ): Promise<Readonly<{ own: readonly string[]; others: readonly string[] }>>;
  /** Adds single addresses; existing ones are accepted. */
  add(addresses: readonly string[], signal: AbortSignal): Promise<void>;
  /** Removes addresses; those already gone are accepted. */
  remove(addresses: readonly string[], signal: AbortSignal): Promise<void>;
  /** Removes the interface with all its addresses; accepts that it is already gone. */
  destroy(signal: AbortSignal): Promise<void>;
}

/** The kernel objects that ipvs mode programs. */
export interface NetlinkAccess {
  readonly ipvs: Ipvs;
  readonly ipset: Ipset;
  readonly serviceInterface: ServiceInterface;
  close(): void;
}

/** The parts of a request that handlers use. */
export interface HttpRequest {
  readonly method: string;
  /** The path without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** The request's Accept header. */
  readonly accept?: string | undefined;
  /** Reads the body as UTF-8; undefined if it is longer. Absent: there is none. */
  readonly readBody?: (mostBytes: number) => Promise<string | undefined>;
  /** Fires when the client has gone; absent: it stays. */
  readonly signal?: AbortSignal;
}

/** Status, headers and body of an answer. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string;
  /** Sent piece by piece in place of `body`, for what is too long for one text. */
  readonly pieces?: AsyncIterable<Uint8Array>;
}

/** Answers one request. */
export type HttpHandler = (request: HttpRequest) => HttpAnswer | Promise<HttpAnswer>;

/** An address of the health or metrics server. */
export interface HttpAddress {
  readonly host: string;
  readonly port: number;
}

/** Small plain-HTTP servers. */
export interface HttpListener {
  /**
   * Resolves once the server listens.
   *
   * @throws {ProxyError} `PROXY_LISTEN`
   */
  listen(address: HttpAddress, handler: HttpHandler): Promise<HttpServer>;
}

/** A server that listens. */
export interface HttpServer {
  /** Stops at once and closes open connections. */
  close(): Promise<void>;
}

/** An address for a socket to bind to. */
export interface SocketAddress {
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
}

/** The server of one connection attempt. */
export interface ForwardTarget {
  readonly host: string;
  readonly port: number;
}

/** Decides for a forwarding socket's clients, and is notified about them. */
export interface Forwarding {
  /**
   * Chooses the server for a client's new connection.
   *
   * @param attempt 0 for the first; later ones follow failures
   * @returns undefined to turn the client away
   */
  pick(client: string, attempt: number): ForwardTarget | undefined;
  /** Called when a connection, or UDP session, has its server. */
  opened(): void;
  closed(bytes: Readonly<{ toServer: number; toClient: number }>): void;
  /** Called when no server could be reached. */
  failed(error: Error): void;
}

/** Time limits of userspace mode. */
export interface ForwardOptions {
  /** Timeouts of the connection attempts; there are as many attempts as entries. */
  readonly dialTimeoutsMs: readonly number[];
  /** UDP: a client's session ends after this time without a datagram in either direction. */
  readonly idleMs: number;
}

/** A port on which userspace mode accepts clients. */
export interface ForwardingSocket {
  readonly port: number;
  /** UDP: ends sessions with servers that are no longer wanted; TCP connections continue. */
  endSessions(isGone: (target: ForwardTarget) => boolean): void;
  /** Accepts no more clients; open TCP connections continue. */
  close(): Promise<void>;
}

/** Sockets that forward their data: the userspace mode's data path. */
export interface ForwardSockets {
  /** @throws {ProxyError} `PROXY_LISTEN` */
  forwardTcp(
    address: SocketAddress,
    forwarding: Forwarding,
    options: ForwardOptions,
  ): Promise<ForwardingSocket>;
  /**
   * @param addresses when the first one's port is 0, all use the port that it gets
   * @throws {ProxyError} `PROXY_LISTEN`
   */
  forwardUdp(
    addresses: readonly SocketAddress[],
    forwarding: Forwarding,
    options: ForwardOptions,
  ): Promise<ForwardingSocket>;
  /**
   * Keeps a port from all other programs on this host.
   *
   * @throws {ProxyError} `PROXY_LISTEN` when another program has it
   */
  claim(
    protocol: 'TCP' | 'UDP',
    address: SocketAddress,
  ): Promise<Readonly<{ close(): Promise<void> }>>;
}
