#!/usr/bin/env node
import { isAbsolute } from 'node:path';
import { parseArgs } from 'node:util';

import { openLogs } from '@nodeagent/component-base/process';
import { createCsiClient } from '@nodeagent/csi/client';
import { createKubeClient } from '@nodeagent/kube-client/http';
import { loadInCluster, loadKubeconfig } from '@nodeagent/kube-client/kubeconfig';

import { runCsiController } from '../run/run-csi-controller.js';

const USAGE = `Usage: csi-controller --csi-address SOCKET [options]

Makes, deletes, attaches and expands the volumes of a CSI driver, as a Kubernetes cluster asks for them.

  --csi-address SOCKET  the driver's socket, an absolute path
  --kubeconfig FILE     the cluster and our identity (default: the service account of this pod)
  --node NAME           only volumes of this node: for drivers with a controller on each node. Without
                        it, run one controller for the whole cluster
  --timeout SECONDS     limit of each call of the driver (default 60)
`;

const { values } = parseArgs({
  options: {
    'csi-address': { type: 'string' },
    kubeconfig: { type: 'string' },
    node: { type: 'string' },
    timeout: { type: 'string', default: '60' },
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
    await run(values['csi-address'] ?? '');
  }
}

function problemsOf(): readonly string[] {
  const { 'csi-address': address, timeout, node } = values;
  return [
    ...(address === undefined ? ['--csi-address is missing'] : []),
    ...(address !== undefined && !isAbsolute(address)
      ? [`--csi-address ${address} is not an absolute path`]
      : []),
    ...(node === '' ? ['--node is empty'] : []),
    ...(/^[1-9]\d{0,5}$/.test(timeout) ? [] : [`--timeout ${timeout} is not a number of seconds`]),
  ];
}

async function run(socketPath: string): Promise<void> {
  const { kubeconfig, node, timeout } = values;
  const { log } = openLogs({ program: 'csi-controller' });
  const connection =
    kubeconfig === undefined ? await loadInCluster() : await loadKubeconfig({ path: kubeconfig });
  const client = createKubeClient(connection, { userAgent: 'csi-controller' });
  const csi = createCsiClient({ socketPath, timeoutMs: Number(timeout) * 1000 });
  const ended = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => ended.abort());
  try {
    await runCsiController(
      client,
      csi,
      {
        log,
        nodeName: node,
        onReady: (driver) => process.stdout.write(`ready ${driver}\n`),
      },
      ended.signal,
    );
  } finally {
    csi.close();
    client.close();
  }
}
