/**
 * `npm run demo`: starts a running node from nothing. It sets up the machine, builds, starts
 * everything in a network namespace, applies a manifest, shows the state live until Ctrl-C, and
 * removes every trace.
 *
 *   npm run demo -- --once           ends when the Service has answered from every pod
 *   npm run demo -- --once --json    the last line is the outcome as a JSON object
 */
import { isatty } from 'node:tty';
import { parseArgs } from 'node:util';

import { type Cluster, startCluster, TestbedError, tryCommand } from '@nodeagent/testbed';

import { SetupError, whyNoLinuxRoot } from '../setup/machine.ts';
import { ensurePackages } from '../setup/packages.ts';
import { run } from '../test/process.ts';
import { createProgress } from './progress.ts';

const HELP = `npm run demo [-- OPTIONS]
  --once   end when everything works (exit code 0) or does not (1), without the live view
  --json   print the outcome as one JSON object, as the last line
`;

interface Flags {
  readonly once: boolean;
  readonly json: boolean;
}

const progress = createProgress(process.stderr);
let cluster: Cluster | undefined;

async function main({ once, json }: Flags, signal: AbortSignal): Promise<void> {
  const startedMs = performance.now();
  const why = whyNoLinuxRoot('The demo');
  if (why !== undefined) throw new SetupError(why);
  progress.step('looking at what is installed');
  await ensurePackages(['containers', 'network'], (message) => progress.step(message));
  signal.throwIfAborted();
  progress.step('building');
  await build(signal);
  // The packages can be imported only after the build.
  const { applyManifest, openDemo, showLive, waitUntilAnswered } = await import('./run-demo.ts');
  cluster = await startCluster({
    name: 'demo',
    images: ['web'],
    env: {}, // always the embedded API server
    onStep: (step) => progress.step(step),
    signal,
  });
  const demo = await openDemo(cluster);
  const setupMs = performance.now() - startedMs;
  progress.step('applying tools/demo/web.yaml, waiting until the Service answers from every pod');
  const appliedMs = performance.now();
  await applyManifest(demo, signal);
  const result = await waitUntilAnswered(demo, signal);
  const readyMs = performance.now() - appliedMs;
  const { clusterIP, nodePort } = result.service;
  progress.note(
    `  http://${clusterIP} and http://${cluster.space.network.nodeIp}:${nodePort} answer from ${result.service.answeredBy.join(', ')}\n` +
      `  kubectl --kubeconfig ${cluster.kubeconfig} get pods -o wide`,
  );
  if (!once && isatty(1)) await showLive(demo, signal);
  else if (!once) await untilAborted(signal);
  progress.step('cleaning up');
  demo.client.close();
  await cluster.stop();
  cluster = undefined;
  progress.done();
  const seconds = { setup: round(setupMs), ready: round(readyMs) };
  if (json) console.log(JSON.stringify({ ...result, seconds }));
}

/** Skipped when the caller has already built, because other programs use the same build. */
async function build(signal: AbortSignal): Promise<void> {
  if (process.env['NODEAGENT_BUILT'] === 'true') return;
  const projects = '@nodeagent/kubelet-app,@nodeagent/kube-proxy-app,@nodeagent/dev-apiserver';
  const argv = ['nx', 'run-many', '-t', 'build', '-p', projects, '--output-style=static'];
  const { exitCode, output } = await run(argv, { signal });
  signal.throwIfAborted();
  if (exitCode !== 0) throw new SetupError(`The build failed:\n${output}`);
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    const keepAlive = setInterval(() => undefined, 60_000);
    const end = () => {
      clearInterval(keepAlive);
      done();
    };
    if (signal.aborted) end();
    else signal.addEventListener('abort', end, { once: true });
  });
}

function round(ms: number): number {
  return Math.round(ms / 10) / 100;
}

function readFlags(): Flags {
  const boolean = { type: 'boolean', default: false } as const;
  try {
    const { values } = parseArgs({ options: { once: boolean, json: boolean, help: boolean } });
    if (!values.help) return values;
    process.stdout.write(HELP);
    process.exit(0);
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n${HELP}`);
    process.exit(2);
  }
}

/** The end of the programs' logs, read before the logs are removed. */
async function showLogs(dir: string): Promise<void> {
  const { stdout } = await tryCommand(['sh', '-c', 'tail -n 15 "$0"/logs/*.log', dir]);
  process.stderr.write(`${stdout}\n`);
}

function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const isForUsers = error instanceof SetupError || error instanceof TestbedError;
  return isForUsers ? error.message : (error.stack ?? error.message);
}

/** A killed npm sends no signal: without this the demo would continue unseen. */
function endWithNpm(end: (by: string) => void): void {
  if (process.env['npm_lifecycle_event'] === undefined) return;
  const parent = process.ppid;
  const look = () => {
    if (process.ppid !== parent) end('the end of npm');
  };
  setInterval(look, 500).unref();
}

/** Removes everything, whatever happened. */
async function fail(error: unknown, interrupted: boolean): Promise<number> {
  progress.fail();
  progress.note(interrupted ? 'Interrupted.' : explain(error));
  if (cluster === undefined) return interrupted ? 130 : 1;
  if (!interrupted) await showLogs(cluster.space.dir);
  progress.step('cleaning up');
  await cluster.stop();
  progress.done();
  return interrupted ? 130 : 1;
}

const flags = readFlags();
const interruption = new AbortController();
const interrupt = (by: string) => interruption.abort(new Error(`ended by ${by}`));
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(name, () => interrupt(name));
// A closed terminal or pipe must not end this process before it has cleaned up.
for (const out of [process.stdout, process.stderr]) out.on('error', () => interrupt('its reader'));
endWithNpm(interrupt);
try {
  await main(flags, interruption.signal);
  process.exit(0);
} catch (error) {
  process.exit(await fail(error, interruption.signal.aborted));
}
