#!/usr/bin/env node
import { mkdir } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, isAbsolute } from 'node:path';
import { parseArgs } from 'node:util';

import { createHostPathDriver } from '../adapters/hostpath/driver.js';
import { serveDriver } from '../server.js';

const USAGE = `Usage: csi-hostpath --endpoint SOCKET [options]

Serves volumes that are directories of this machine, or files mounted through loop devices: for tests
and single nodes. Needs root.

  --endpoint SOCKET       where the driver listens, an absolute path; its folder is made if needed
  --registration SOCKET   a socket in the kubelet's plugins_registry, to be found by the kubelet
  --kubelet-endpoint PATH the driver's socket as the kubelet sees it, where that differs
  --state-dir DIR         where the volumes lie (default /var/lib/csi-hostpath)
  --node-id NAME          this node's name (default: the host name)
  --name NAME             the driver's name (default hostpath.csi.nodeagent.dev)
  --max-volumes N         how many volumes the node takes (default: no limit)
`;

const { values } = parseArgs({
  options: {
    endpoint: { type: 'string' },
    registration: { type: 'string' },
    'kubelet-endpoint': { type: 'string' },
    'state-dir': { type: 'string', default: '/var/lib/csi-hostpath' },
    'node-id': { type: 'string', default: hostname() },
    name: { type: 'string' },
    'max-volumes': { type: 'string' },
    help: { type: 'boolean', short: 'h', default: false },
  },
});
if (values.help) {
  process.stdout.write(USAGE);
} else {
  const problems = problemsOf();
  if (problems.length > 0) {
    process.stderr.write(`${problems.join('\n')}\n\n${USAGE}`);
    process.exitCode = 2;
  } else {
    await serve(values.endpoint ?? '');
  }
}

function problemsOf(): readonly string[] {
  const { endpoint, registration, 'state-dir': stateDir, 'max-volumes': maxVolumes } = values;
  return [
    ...(endpoint === undefined ? ['--endpoint is missing'] : relative('--endpoint', endpoint)),
    ...(registration === undefined ? [] : relative('--registration', registration)),
    ...relative('--state-dir', stateDir),
    ...(maxVolumes === undefined || /^[1-9]\d{0,8}$/.test(maxVolumes)
      ? []
      : [`--max-volumes ${maxVolumes} is not a number of volumes`]),
  ];
}

function relative(flag: string, path: string): readonly string[] {
  return isAbsolute(path) ? [] : [`${flag} ${path} is not an absolute path`];
}

async function serve(socketPath: string): Promise<void> {
  for (const path of [socketPath, values.registration ?? socketPath]) {
    await mkdir(dirname(path), { recursive: true });
  }
  const driver = await createHostPathDriver({
    stateDir: values['state-dir'],
    nodeId: values['node-id'],
    name: values.name,
    maxVolumes: values['max-volumes'] === undefined ? undefined : Number(values['max-volumes']),
  });
  const server = await serveDriver(driver, {
    socketPath,
    registration:
      values.registration === undefined
        ? undefined
        : {
            socketPath: values.registration,
            endpoint: values['kubelet-endpoint'],
            onStatus: ({ pluginRegistered, error }) => {
              log(pluginRegistered ? 'registered' : `the kubelet refused the driver: ${error}`);
            },
          },
    onError: (error, method) =>
      log(`${method}: ${error instanceof Error ? error.message : String(error)}`),
  });
  log(`${driver.name} serves on ${socketPath}`);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => void server.close());
  }
}

function log(line: string): void {
  process.stderr.write(`${line}\n`);
}
