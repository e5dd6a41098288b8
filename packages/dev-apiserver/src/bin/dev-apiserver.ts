#!/usr/bin/env node
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import type { Identity } from '../adapters/pki.js';
import { ApiServerError } from '../model/errors.js';
import { startDevApiServer } from '../start.js';
import { startControllers } from './start-controllers.js';
import { stderrLogger } from './stderr-logger.js';

const HELP = `nodeagent-dev-apiserver: an in-memory Kubernetes API server

  --host A             address to listen on; 127.0.0.1 by default
  --port N             port; any free one by default
  --kubeconfig-dir D   writes admin, kube-proxy, controller-manager and kubelet kubeconfigs into D
  --node NAME          node of kubelet.kubeconfig; if repeated, writes kubelet-NAME.kubeconfig for each
  --no-controllers     runs only the API, without scheduler, ReplicaSets, EndpointSlices …
  --service-cidrs A,B  CIDRs of Services; 10.96.0.0/16,fd00:10:96::/112 by default
`;

interface Flags {
  readonly host: string;
  readonly port: number;
  readonly controllers: boolean;
  readonly directory: string | undefined;
  readonly nodes: readonly string[];
  readonly serviceCidrs: readonly string[] | undefined;
}

/** @returns undefined when help was asked for */
function readFlags(argv: readonly string[]): Flags | undefined {
  const options = {
    host: { type: 'string', default: '127.0.0.1' },
    port: { type: 'string', default: '0' },
    'kubeconfig-dir': { type: 'string' },
    node: { type: 'string', multiple: true },
    'service-cidrs': { type: 'string' },
    'no-controllers': { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  } as const;
  try {
    const { values } = parseArgs({ args: [...argv], options });
    if (values.help) return undefined;
    const port = Number(values.port);
    if (!Number.isInteger(port) || port < 0 || port > 65535) {
      throw new ApiServerError('APISERVER_OPTIONS', `--port ${values.port} is not a port`);
    }
    return {
      host: values.host,
      port,
      controllers: !values['no-controllers'],
      directory: values['kubeconfig-dir'],
      nodes: values.node ?? [],
      serviceCidrs: values['service-cidrs']?.split(','),
    };
  } catch (cause) {
    if (cause instanceof ApiServerError) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ApiServerError('APISERVER_OPTIONS', why, { cause });
  }
}

function identities(nodes: readonly string[]): readonly (Identity & { file: string })[] {
  const masters = ['system:masters'];
  return [
    { file: 'admin', user: 'kubernetes-admin', groups: masters },
    { file: 'controller-manager', user: 'system:kube-controller-manager', groups: [] },
    { file: 'kube-proxy', user: 'system:kube-proxy', groups: [] },
    ...nodes.map((node) => ({
      file: nodes.length === 1 ? 'kubelet' : `kubelet-${node}`,
      user: `system:node:${node}`,
      groups: ['system:nodes'],
    })),
  ];
}

async function main(): Promise<void> {
  const flags = readFlags(process.argv.slice(2));
  if (flags === undefined) {
    process.stdout.write(HELP);
    return;
  }
  const { host, port, controllers, directory, nodes, serviceCidrs } = flags;
  const server = await startDevApiServer({
    host,
    port,
    log: stderrLogger('warn'),
    ...(serviceCidrs === undefined ? {} : { serviceCidrs }),
  });
  if (directory !== undefined) {
    try {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      await writeFile(join(directory, 'ca.crt'), server.caCertificatePem);
      for (const { file, user, groups } of identities(nodes)) {
        const text = await server.kubeconfig({ user, groups });
        await writeFile(join(directory, `${file}.kubeconfig`), text, { mode: 0o600 });
      }
    } catch (cause) {
      await server.stop();
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new ApiServerError('APISERVER_FILES', `cannot write kubeconfigs: ${why}`, { cause });
    }
  }
  process.stdout.write(`ready ${server.url}\n`);
  const aborter = new AbortController();
  const running = controllers ? startControllers(server, aborter.signal) : Promise.resolve();
  running.catch(fail);
  const stop = (): void => {
    aborter.abort();
    void Promise.allSettled([running])
      .then(() => server.stop())
      .then(() => process.exit());
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
}

main().catch(fail);

function fail(error: unknown): void {
  const text = error instanceof ApiServerError ? `${error.code}: ${error.message}` : String(error);
  process.stderr.write(`nodeagent-dev-apiserver: ${text}\n`);
  process.exitCode = 1;
}
