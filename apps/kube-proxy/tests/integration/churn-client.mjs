// node churn-client.mjs SERVICES [FIRST_PORT]: connects to random Services continuously until standard
// input ends. For each attempt it writes a JSON line: when the attempt began and ended and who answered.
// TCP is a new connection each time, from any port or from each port in turn. UDP to one Service always
// comes from the same port, and goes only to Services with even numbers.
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';

const services = Number(process.argv[2]);
const AT_ONCE = 4;
let nextPort = process.argv[3] === undefined ? undefined : Number(process.argv[3]);
let isOver = false;
process.stdin.resume().on('end', () => (isOver = true));

const report = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
const random = (below) => Math.floor(Math.random() * below);
const rest = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const once = (service) =>
  new Promise((resolve) => {
    const localPort = nextPort === undefined ? undefined : nextPort++;
    const socket = connect({ host: `10.96.0.${service + 1}`, port: 80, localPort });
    let text = '';
    const end = (answer) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(4000, () => end('nothing'));
    socket.on('data', (chunk) => (text += chunk));
    socket.on('error', ({ code }) => end(`nothing: ${code}`));
    socket.on('end', () => end(text));
  });

async function connectAgain() {
  while (!isOver) {
    const service = random(services);
    const atMs = Date.now();
    const answer = await once(service);
    report({ protocol: 'tcp', service, atMs, endMs: Date.now(), answer });
    await rest(5);
  }
}

const sockets = Array.from({ length: services }, () => createSocket('udp4'));
sockets.forEach((socket, service) => {
  socket.on('error', () => undefined); // refused while there is no rule
  socket.on('message', (text) => {
    // the time at which it was sent comes back
    const [answer, sentMs] = String(text).split(' ');
    report({ protocol: 'udp', service, atMs: Number(sentMs), answer });
  });
  socket.bind(20_000 + service);
});

async function sendAgain() {
  while (!isOver) {
    const service = 2 * random(Math.ceil(services / 2));
    sockets[service].send(String(Date.now()), 53, `10.96.0.${service + 1}`, () => undefined);
    await rest(5);
  }
}

await Promise.all([sendAgain(), ...Array.from({ length: AT_ONCE }, connectAgain)]);
process.exit(0);
