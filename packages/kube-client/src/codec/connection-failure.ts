import type { Connection } from '../model/connection.js';

/** Explanations of errno and OpenSSL codes for administrators of a cluster. */
const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused: nothing listens there',
  ECONNRESET: 'the connection was closed before the answer was complete',
  EPIPE: 'the connection was closed while the request was sent',
  ETIMEDOUT: 'the connection timed out',
  EHOSTUNREACH: 'no route to the host',
  ENETUNREACH: 'no route to the network',
  ENOTFOUND: 'the host name is not known',
  EAI_AGAIN: 'the host name could not be looked up: DNS does not answer',
};

/** Problems with the server's certificate; `%ca` stands for the source of the CAs. */
const CERTIFICATE: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'has expired',
  CERT_NOT_YET_VALID: 'is not valid yet; is the clock of this machine right?',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'is self-signed and not among %ca',
  SELF_SIGNED_CERT_IN_CHAIN: 'is signed by a CA that is not among %ca',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'is signed by a CA that is not among %ca',
  UNABLE_TO_GET_ISSUER_CERT: 'is signed by a CA that is not among %ca',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'is signed by a CA that is not among %ca',
  CERT_SIGNATURE_FAILURE: 'has a signature that does not fit %ca',
};

/** TLS alerts by which a server refuses our certificate, in OpenSSL's words. */
const CLIENT_ALERT =
  /alert (unknown ca|bad certificate|certificate (?:required|expired|unknown|revoked))/;

/**
 * Explains in one sentence why there was no answer: the address, the problem, and for certificates
 * the file to check.
 *
 * @param error as reported by Node's http or tls
 */
export function describeConnectionFailure(connection: Connection, error: Error): string {
  const { host, protocol, port } = new URL(connection.server);
  const address = port === '' ? `${host}:${protocol === 'https:' ? 443 : 80}` : host;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  const certificate = CERTIFICATE[code];
  if (certificate !== undefined) {
    const detail = certificate.replace('%ca', certificateAuthorities(connection));
    return `${address}: the server's certificate ${detail} (${connection.source})`;
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return `${address}: the server's certificate is for another name: ${error.message} (${connection.source})`;
  }
  const alert = CLIENT_ALERT.exec(error.message)?.[1];
  if (alert !== undefined) {
    return `${address}: the server refused our client certificate${keyPlace(connection)}: ${alert} (${connection.source})`;
  }
  if (/wrong version number|packet length too long/.test(error.message)) {
    return `${address}: the server does not speak TLS: is it an http address? (${connection.source})`;
  }
  const reason = REASONS[code] ?? (code === '' ? error.message : `${error.message} (${code})`);
  return `${address}: ${reason}`;
}

function certificateAuthorities({ ca }: Connection): string {
  if (ca === undefined) return 'the CAs of this system (no certificate-authority is given)';
  if (ca.kind === 'inline') return 'the CAs in certificate-authority-data';
  return `the CAs in ${ca.path}`;
}

function keyPlace({ user }: Connection): string {
  const certificate = user.clientCertificate?.certificate;
  return certificate?.kind === 'file' ? ` ${certificate.path}` : '';
}
