import { Buffer } from 'node:buffer';

/** Kubernetes' WebSocket sub-protocols that the kubelet itself terminates. */
export const CHANNELS_V5 = 'v5.channel.k8s.io';
export const PORT_FORWARD_TUNNEL = 'SPDY/3.1+portforward.k8s.io';
const TOKEN = 'base64url.bearer.authorization.k8s.io.';

export interface SocketProtocols {
  /** The protocols that the client offers, without tokens. */
  readonly offered: readonly string[];
  /** A token that a browser passes here, because it cannot send an `Authorization` header. */
  readonly token: string | undefined;
}

/**
 * Parses `Sec-WebSocket-Protocol`. A token is valid only if it is the only one, decodes to text,
 * and comes with an offered protocol.
 *
 * @see Kubernetes 1.36 apiserver/pkg/authentication/request/websocket/protocol.go
 */
export function parseSocketProtocols(header: string | undefined): SocketProtocols {
  const all = (header ?? '')
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '');
  const offered = all.filter((one) => !one.startsWith(TOKEN));
  const [encoded, ...more] = all.filter((one) => one.startsWith(TOKEN));
  if (encoded === undefined || more.length > 0 || offered.length === 0) {
    return { offered, token: undefined };
  }
  return { offered, token: textOf(encoded.slice(TOKEN.length)) };
}

function textOf(base64url: string): string | undefined {
  if (!/^[A-Za-z0-9_-]+$/.test(base64url)) return undefined;
  try {
    const bytes = Buffer.from(base64url, 'base64url');
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined; // not UTF-8
  }
}
