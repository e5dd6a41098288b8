import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type TLSSocket } from 'node:tls';

import { describe, expect, it } from 'vitest';

import { createAuthority } from '../../src/certificates.ts';

describe(createAuthority, () => {
  it('issues certificates by which both ends of a TLS connection identify each other', async () => {
    const authority = await createAuthority('test-ca');
    const ca = authority.certificatePem;
    const serving = await authority.issueServer('server', ['127.0.0.1', 'a.example']);
    const groups = ['system:nodes', 'others'];
    const client = await authority.issueClient({ user: 'system:node:n', groups });
    const server = createServer({
      ca,
      cert: serving.certificatePem,
      key: serving.keyPem,
      requestCert: true,
      rejectUnauthorized: true,
    });
    const seen = once(server, 'secureConnection') as Promise<[TLSSocket]>;
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const { certificatePem: cert, keyPem: key } = client;
    const socket = connect({ host: '127.0.0.1', port, ca, cert, key });
    await once(socket, 'secureConnect');
    const [peer] = await seen;
    expect(peer.getPeerCertificate().subject).toEqual({ O: groups, CN: 'system:node:n' });
    socket.destroy();
    peer.destroy();
    server.close();
  });

  it('signs for the given names and purpose, and never a CA', async () => {
    const authority = await createAuthority('test-ca');
    const ca = new X509Certificate(authority.certificatePem);
    const serving = await authority.issueServer('server', ['10.0.0.1', 'fd00::1', 'a.example']);
    const certificate = new X509Certificate(serving.certificatePem);
    expect(ca.ca).toBe(true);
    expect(certificate.ca).toBe(false);
    expect(certificate.checkIssued(ca)).toBe(true);
    expect(certificate.checkIP('10.0.0.1')).toBe('10.0.0.1');
    expect(certificate.checkIP('fd00::1')).toBeDefined();
    expect(certificate.checkHost('a.example')).toBe('a.example');
    expect(certificate.checkHost('b.example')).toBeUndefined();
    const client = await authority.issueClient({ user: 'u', groups: [] });
    const ofClient = new X509Certificate(client.certificatePem);
    expect(ofClient.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2']); // id-kp-clientAuth
    expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']); // id-kp-serverAuth
    expect(ofClient.serialNumber).not.toBe(certificate.serialNumber);
  });
});
