import { isIPv6 } from 'node:net';

/** Texts for errno names, as users know them from Kubernetes' events. */
const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset by peer',
  EHOSTUNREACH: 'no route to host',
  ENETUNREACH: 'network is unreachable',
  EADDRNOTAVAIL: 'cannot assign requested address',
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
  EINVAL: 'invalid argument',
  EPIPE: 'broken pipe',
};

/** In OpenSSL's one-line form: `error:CODE:SSL routines:function:reason:file:line`. */
const TLS_REASON = /:SSL routines:[^:]*:([^:]+):/;
const NOT_TLS = ['wrong version number', 'packet length too long'];

/** Errors of a process, or of a machine, that has no room for another connection. */
const NO_ROOM = ['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM'];

/** Reports whether an attempt failed here, so that it says nothing about the peer. */
export function isOwnLack({ code = '' }: Readonly<{ code?: string | undefined }>): boolean {
  return NO_ROOM.includes(code);
}

export interface Peer {
  readonly hostname: string;
  readonly port: number;
}

/** Describes a socket error on the way to `peer`. */
export function describeSocketError(
  { code = '', message }: Readonly<{ code?: string | undefined; message: string }>,
  phase: 'dial' | 'read',
  peer: Peer,
): string {
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    const what = code === 'ENOTFOUND' ? 'no such host' : 'temporary failure in name resolution';
    return `dial tcp: lookup ${peer.hostname}: ${what}`;
  }
  const tls = TLS_REASON.exec(message)?.[1];
  if (tls !== undefined) {
    return NOT_TLS.includes(tls)
      ? 'http: server gave HTTP response to HTTPS client'
      : `tls: ${tls}`;
  }
  const words = WORDS[code] ?? message;
  const address = peerText(peer);
  if (phase === 'dial') return `dial tcp ${address}: connect: ${words}`;
  return `read tcp ${address}: read: ${words}`;
}

export function describeDialTimeout(peer: Peer): string {
  return `dial tcp ${peerText(peer)}: i/o timeout`;
}

function peerText({ hostname, port }: Peer): string {
  return isIPv6(hostname) ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}
