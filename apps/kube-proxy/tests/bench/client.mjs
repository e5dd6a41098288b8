// Reads one request per line, connects repeatedly until the wanted server answers, and writes one answer.
import { connect } from 'node:net';
import { createInterface } from 'node:readline';

const once = (host, port) =>
  new Promise((resolve) => {
    const socket = connect({ host, port });
    let text = '';
    const end = () => {
      socket.destroy();
      resolve(text);
    };
    socket.setTimeout(300, end);
    socket.on('data', (chunk) => (text += chunk));
    socket.on('error', end);
    socket.on('close', end);
  });

for await (const line of createInterface({ input: process.stdin })) {
  const { host, port, wanted } = JSON.parse(line);
  let tries = 0;
  for (;;) {
    tries += 1;
    if ((await once(host, port)) === wanted) break;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  process.stdout.write(`${tries}\n`);
}
