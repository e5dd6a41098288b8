// Simulates etcd and kube-apiserver: parses the flags as the real ones do, refuses files that do
// not belong together, and reports to each client its identity.
import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';

const [role, ...rest] = process.argv.slice(2);
if (rest.includes('--version')) {
  console.log(role === 'etcd' ? 'etcd Version: 3.5.30' : 'Kubernetes v1.36.2');
  process.exit(0);
}
const flags = Object.fromEntries(rest.map((entry) => /^--([^=]+)=?(.*)$/.exec(entry).slice(1)));
process.once('SIGTERM', () => process.exit(0));
if (role === 'etcd') runEtcd();
else await runApiServer();

function runEtcd() {
  const { hostname, port } = new URL(flags['listen-client-urls']);
  createHttpServer((_, response) => response.end('{"health":"true"}')).listen(+port, hostname);
}

async function runApiServer() {
  const file = (name) => readFileSync(flags[name]);
  const ca = new X509Certificate(file('client-ca-file'));
  const privateKey = createPrivateKey(file('service-account-signing-key-file'));
  const publicKey = createPublicKey(file('service-account-key-file'));
  if (!createPublicKey(privateKey).equals(publicKey)) throw new Error('keys of no pair');
  const towardsKubelets = new X509Certificate(file('kubelet-client-certificate'));
  const keyTowardsKubelets = createPrivateKey(file('kubelet-client-key'));
  if (!towardsKubelets.checkPrivateKey(keyTowardsKubelets)) throw new Error('keys of no pair');
  if (!towardsKubelets.verify(ca.publicKey)) throw new Error('not of this authority');
  let looks = 0;
  const options = {
    ca: file('client-ca-file'),
    cert: file('tls-cert-file'),
    key: file('tls-private-key-file'),
    requestCert: true,
    rejectUnauthorized: true,
  };
  const server = createHttpsServer(options, (request, response) => {
    const { CN, O = [] } = request.socket.getPeerCertificate().subject;
    const groups = [O].flat();
    if (request.url === '/whoami') response.end(JSON.stringify({ user: CN, groups }));
    else if (!groups.includes('system:masters')) response.writeHead(403).end('forbidden');
    else if (looks++ < 2) response.writeHead(500).end('[-]poststarthook failed: not finished');
    else response.end('ok');
  });
  const etcd = new URL('/health', flags['etcd-servers']);
  while (!(await fetch(etcd).catch(() => undefined))?.ok) {
    await new Promise((done) => setTimeout(done, 50));
  }
  server.listen(+flags['secure-port'], flags['bind-address']);
}
