import { expect, it } from 'vitest';

import { describeConnectionFailure } from '../../../src/codec/connection-failure.js';
import type { Connection } from '../../../src/model/connection.js';

const file = (path: string) => ({ kind: 'file', path }) as const;
const connection: Connection = {
  server: 'https://api.example',
  source: 'kubeconfig k',
  ca: file('/ca.crt'),
  user: { clientCertificate: { certificate: file('/c.pem'), key: file('/k.pem') } },
};

it.each([
  ['ECONNREFUSED', 'x', 'api.example:443: connection refused: nothing listens there'],
  ['ENOTFOUND', 'x', 'api.example:443: the host name is not known'],
  ['CERT_HAS_EXPIRED', 'x', "api.example:443: the server's certificate has expired (kubeconfig k)"],
  [
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    'x',
    "api.example:443: the server's certificate is signed by a CA that is not among the CAs in /ca.crt (kubeconfig k)",
  ],
  [
    'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED',
    'error:0A00045C:SSL routines:ssl3_read_bytes:tlsv13 alert certificate required:../x.c:1:',
    'api.example:443: the server refused our client certificate /c.pem: certificate required (kubeconfig k)',
  ],
  ['EODD', 'something odd', 'api.example:443: something odd (EODD)'],
  ['', 'no answer for 30 s', 'api.example:443: no answer for 30 s'],
])('%s', (code, message, expected) => {
  const error = Object.assign(new Error(message), code === '' ? {} : { code });
  expect(describeConnectionFailure(connection, error)).toBe(expected);
});
