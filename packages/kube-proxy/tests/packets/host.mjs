// node host.mjs NAME TCP_PORT UDP_PORT [SCTP_PORT]: one host of the test network.
// It sends each client its own name and the client's address as it sees it; TCP connections then echo.
// On standard input it reads requests to connect to others, one JSON object per line; it writes the
// outcomes to standard output.
import { execFile, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer, isIPv6 } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const [, , name, tcpPort, udpPort, sctpPort] = process.argv;
const SCTP = join(import.meta.dirname, 'sctp.pl');
const plain = (address) => address.replace(/^::ffff:/, '');

createServer((socket) => {
  socket.on('error', () => socket.destroy());
  socket.write(`${name} ${plain(socket.remoteAddress)}\n`);
  socket.pipe(socket);
}).listen(Number(tcpPort), '::');

const udp = createSocket({ type: 'udp6' });
udp.on('message', (_message, { address, port }) => {
  udp.send(`${name} ${plain(address)}\n`, port, address);
});
udp.bind(Number(udpPort), '::');
await once(udp, 'listening');
if (sctpPort !== undefined) {
  // ends with its standard input, which ends with this process
  const stdio = ['pipe', 'pipe', 'inherit'];
  const server = spawn('perl', [SCTP, 'serve', name, sctpPort], { stdio });
  server.once('exit', () => process.exit(1));
  await once(server.stdout, 'data');
}
process.stdout.write('{"ready":true}\n');

const met = (error) => (error.code === 'ECONNREFUSED' ? 'refused' : `error ${error.message}`);

function askTcp({ host, port }, done) {
  const socket = connect({ host, port });
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk;
    if (text.includes('\n')) done(text.trim());
  });
  socket.on('end', () => done('closed'));
  socket.on('error', (error) => done(met(error)));
  return () => socket.destroy();
}

function askUdp({ host, port, sourcePort = 0 }, done) {
  const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
  socket.on('message', (text) => done(String(text).trim()));
  socket.on('error', (error) => done(met(error)));
  let again;
  socket.bind(sourcePort, () => {
    socket.connect(port, host, () => {
      const send = () => socket.send('hello', (error) => error && done(met(error)));
      send();
      again = setInterval(send, 500); // a datagram may get lost, an answer may come late
    });
  });
  return () => {
    clearInterval(again);
    socket.close();
  };
}

function askSctp({ host, port }, done) {
  const child = execFile('perl', [SCTP, 'ask', host, port], (error, stdout, stderr) => {
    done(stdout.trim() || `error ${stderr}`);
  });
  return () => child.kill();
}

/** The length of one wait for an answer. */
const STEP_MS = 250;
const ASK = { tcp: askTcp, udp: askUdp, sctp: askSctp };

createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, timeoutMs, ...question } = JSON.parse(line);
  let isOver = false;
  let stop = () => undefined;
  const done = (answer) => {
    if (isOver) return;
    isOver = true;
    clearInterval(timer);
    stop();
    process.stdout.write(`${JSON.stringify({ id, answer })}\n`);
  };
  // counted in short steps: a host that stood still for a while has not waited for an answer
  let stepsLeft = Math.ceil(timeoutMs / STEP_MS);
  const timer = setInterval(() => {
    stepsLeft -= 1;
    if (stepsLeft <= 0) done('no answer');
  }, STEP_MS);
  stop = ASK[question.protocol](question, done);
  if (isOver) stop();
});
process.stdin.on('end', () => process.exit(0));
