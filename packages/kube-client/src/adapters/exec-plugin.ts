import { execFile } from 'node:child_process';

import { type ExecAnswer, parseExecCredential } from '../codec/exec-credential.js';
import type { Connection, ExecPlugin } from '../model/connection.js';
import { KubeError } from '../model/errors.js';
import type { Credential, CredentialSource } from '../ports.js';
import { createMaterialReader } from './material.js';

/** Time limit: a plug-in may call a remote service, but must not block the agent forever. */
const DEADLINE_MS = 60_000;
const MAX_OUTPUT_BYTES = 1 << 20;

/**
 * Runs the plug-in when there is no answer yet, the answer has expired, or the server refused it.
 */
export function createExecSource(plugin: ExecPlugin, connection: Connection): CredentialSource {
  return new ExecSource(plugin, connection);
}

class ExecSource implements CredentialSource {
  readonly #plugin: ExecPlugin;
  readonly #connection: Connection;
  #answer: ExecAnswer | undefined;
  /** One run serves all waiting callers. */
  #running: Promise<ExecAnswer> | undefined;

  constructor(plugin: ExecPlugin, connection: Connection) {
    this.#plugin = plugin;
    this.#connection = connection;
  }

  async current(signal: AbortSignal): Promise<Credential> {
    const { expires, credential } = this.#answer ?? {};
    const expired = expires !== undefined && Date.parse(expires) <= Date.now();
    if (credential !== undefined && !expired) return credential;
    this.#running ??= runPlugin(this.#plugin, this.#connection).finally(() => {
      this.#running = undefined;
    });
    this.#answer = await this.#running;
    signal.throwIfAborted();
    return this.#answer.credential;
  }

  refuse(credential: Credential): void {
    if (this.#answer?.credential === credential) this.#answer = undefined;
  }
}

async function runPlugin(plugin: ExecPlugin, connection: Connection): Promise<ExecAnswer> {
  const { command, args, env, apiVersion, installHint } = plugin;
  const what = `exec plug-in ${command} of ${connection.source}`;
  const info = JSON.stringify(await execInfo(plugin, connection));
  const options = {
    env: { ...process.env, ...env, KUBERNETES_EXEC_INFO: info },
    timeout: DEADLINE_MS,
    maxBuffer: MAX_OUTPUT_BYTES,
  };
  const output = await new Promise<string>((resolve, reject) => {
    const child = execFile(command, args, options, (error, stdout, stderr) => {
      if (error === null) return resolve(stdout);
      const missing = error.code === 'ENOENT';
      const hint = missing && installHint !== undefined ? `. ${installHint.trim()}` : '';
      const why = missing ? 'no such program' : `${exitOf(error)}: ${stderr.trim()}`;
      reject(new KubeError('KUBE_CONFIG', `${what}: ${why}${hint}`, { cause: error }));
    });
    child.stdin?.end();
  });
  return parseExecCredential(output, apiVersion, what);
}

function exitOf(error: { code?: unknown; killed?: boolean }): string {
  if (error.killed === true) return `stopped after ${DEADLINE_MS / 1000} s`;
  return `exit status ${String(error.code)}`;
}

async function execInfo({ apiVersion, provideClusterInfo }: ExecPlugin, connection: Connection) {
  const spec = { interactive: false };
  const info = { apiVersion, kind: 'ExecCredential' };
  if (!provideClusterInfo) return { ...info, spec };
  const { server, ca, insecureSkipTlsVerify, tlsServerName, proxyUrl, source } = connection;
  const caPem = ca && (await createMaterialReader(ca, `certificate-authority of ${source}`).read());
  const cluster = {
    server,
    'tls-server-name': tlsServerName,
    'insecure-skip-tls-verify': insecureSkipTlsVerify,
    'certificate-authority-data': caPem && Buffer.from(caPem, 'utf8').toString('base64'),
    'proxy-url': proxyUrl,
  };
  return { ...info, spec: { ...spec, cluster } };
}
