#!/usr/bin/env node
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';

import { NO_METRICS } from '@nodeagent/base';
import { createSystemClock } from '@nodeagent/base/system';
import { createKubeClient } from '@nodeagent/kube-client/http';
import { loadKubeconfig } from '@nodeagent/kube-client/kubeconfig';

import { runControllers } from '../controllers.js';
import { stderrLogger } from './stderr-logger.js';

const HELP = `nodeagent-controllers: the controllers that a single node needs, for any API server

  --kubeconfig F   identity with the permissions of kube-controller-manager and kube-scheduler
  --root-ca F      PEM of the CA that pods should trust; without it no kube-root-ca.crt config maps
  --node-grace S   seconds of silence after which a node counts as lost; 40 by default
`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      kubeconfig: { type: 'string' },
      'root-ca': { type: 'string' },
      'node-grace': { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help || values.kubeconfig === undefined) {
    process.stdout.write(HELP);
    if (!values.help) process.exitCode = 2;
    return;
  }
  const rootCa = values['root-ca'];
  const rootCaPem = rootCa === undefined ? undefined : await readFile(rootCa, 'utf8');
  const nodeGraceMs = millisecondsOf(values['node-grace']);
  const client = createKubeClient(await loadKubeconfig({ path: values.kubeconfig }), {
    userAgent: 'nodeagent-controllers',
  });
  const ended = new AbortController();
  process.once('SIGTERM', () => ended.abort());
  process.once('SIGINT', () => ended.abort());
  try {
    await runControllers(
      client,
      {
        clock: createSystemClock(),
        random: Math.random,
        log: stderrLogger('info'),
        metrics: NO_METRICS,
        onSynced: () => process.stdout.write('ready\n'),
        ...(rootCaPem === undefined ? {} : { rootCaPem }),
        ...(nodeGraceMs === undefined ? {} : { nodeGraceMs }),
      },
      ended.signal,
    );
  } finally {
    client.close();
  }
}

function millisecondsOf(seconds: string | undefined): number | undefined {
  if (seconds === undefined) return undefined;
  if (!/^[1-9]\d*$/.test(seconds)) throw new Error(`--node-grace: not whole seconds: ${seconds}`);
  return Number(seconds) * 1000;
}

main().catch((error: unknown) => {
  const text = error instanceof Error ? error.message : String(error);
  process.stderr.write(`nodeagent-controllers: ${text}\n`);
  process.exit(1);
});
