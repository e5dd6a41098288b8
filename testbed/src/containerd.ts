import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { type CniPaths, writeCniConfig } from './cni.ts';
import { runCommand, tryCommand } from './command.ts';
import { unpackPackage } from './debian-package.ts';
import { buildTestImage, PAUSE_IMAGE, type TestImage } from './images.ts';
import { createNodeSpace, type NodeSpace } from './node-space.ts';
import { type TestProcess, waitUntilUp } from './processes.ts';
import { waitFor } from './wait.ts';

export interface ContainerdOptions {
  /** The space to run in; when absent, it makes its own space and removes it on `stop()`. */
  readonly space?: NodeSpace;
  /** The name of its own space. */
  readonly name?: string;
  /** Images to import before the start completes: `['web']`. */
  readonly images?: readonly TestImage[];
  /** Folder with `containerd`, its shim and `ctr`; the installed ones when absent. */
  readonly programs?: string;
}

/**
 * Finds the newest containerd, 2.1 or later, on this machine's package mirror and unpacks it into a
 * cache without installing it. Unlike older releases it has an event stream, and reports the
 * resources of containers and its cgroup driver. It works with the installed runc.
 *
 * @returns the folder for `programs`
 * @throws {TestbedError} `TESTBED_PROGRAM_MISSING` with apt's message
 */
export async function findNewestContainerd(): Promise<string> {
  const program = 'usr/bin/containerd';
  return dirname(await unpackPackage({ name: 'containerd', suite: 'unstable', program }));
}

/** A private containerd whose CNI, image store and sockets are separate from the machine's. */
export interface Containerd {
  /** `unix://…`, for CRI clients. */
  readonly endpoint: string;
  readonly space: NodeSpace;
  readonly pid: number;
  readonly logFile: string;
  /** The one that works on the file system of its space. */
  readonly snapshotter: 'overlayfs' | 'native';
  /** Runs `ctr` in the CRI's namespace; returns its standard output. */
  ctr(...args: readonly string[]): Promise<string>;
  /** Imports an OCI or docker archive and waits until the CRI plug-in lists it. */
  importImage(file: string, name: string): Promise<void>;
  /** Sends SIGKILL; containers keep running. */
  kill9(): Promise<void>;
  /** Starts it again, after `kill9` or by stopping it first; containers keep running. */
  restart(): Promise<void>;
  /** Stops it; with its own space, also ends everything that ran in it. */
  stop(): Promise<void>;
}

export async function startContainerd(options: ContainerdOptions = {}): Promise<Containerd> {
  const space = options.space ?? (await createNodeSpace({ name: options.name ?? 'containerd' }));
  try {
    return await startIn(space, options);
  } catch (error) {
    if (options.space === undefined) await space.remove();
    throw error;
  }
}

async function startIn(space: NodeSpace, options: ContainerdOptions): Promise<Containerd> {
  const { signal } = space;
  const dir = join(space.dir, 'containerd');
  const socket = join(space.runDir, 'containerd.sock');
  const configFile = join(dir, 'config.toml');
  const snapshotter = await pickSnapshotter(dir);
  const cni = await writeCniConfig(space);
  await writeFile(configFile, renderConfig({ dir, socket, snapshotter, cni, space }));

  const PATH = [options.programs, process.env['PATH']].filter(Boolean).join(':');
  const ctr = async (...args: readonly string[]) =>
    runCommand(['ctr', '-a', socket, '-n', 'k8s.io', ...args], { env: { PATH } });
  const start = async () => {
    const started = await space.start('containerd', ['containerd', '-c', configFile], { PATH });
    const isUp = async () => (await ctr('plugins', 'ls', 'id==cri')).includes(' ok ');
    await waitUntilUp(started, isUp, { what: 'containerd to answer', signal });
    return started;
  };
  const importImage = async (file: string, name: string) => {
    await ctr('images', 'import', '--snapshotter', snapshotter, file);
    // The CRI plug-in learns of images by events, and labels those that it has registered.
    await waitFor(async () => (await ctr('images', 'ls', `name==${name}`)).includes('cri-'), {
      what: `image ${name} to be listed`,
      signal,
    });
  };

  let running: TestProcess = await start();
  for (const image of ['pause', ...(options.images ?? [])] as const) {
    const { file, name } = await buildTestImage(image);
    await importImage(file, name);
  }
  return {
    endpoint: `unix://${socket}`,
    space,
    logFile: running.logFile,
    snapshotter,
    get pid() {
      return running.pid;
    },
    ctr,
    importImage,
    kill9: () => running.kill9(),
    restart: async () => {
      await running.stop();
      running = await start();
    },
    stop: async () => {
      await running.stop();
      if (options.space === undefined) await space.remove();
    },
  };
}

/** Tries overlayfs in the kernel, because it does not work on top of every file system. */
async function pickSnapshotter(dir: string): Promise<'overlayfs' | 'native'> {
  const at = (name: string) => join(dir, 'overlay-check', name);
  const [lower, upper, work, merged] = [at('lower'), at('upper'), at('work'), at('merged')];
  for (const path of [lower, upper, work, merged]) await mkdir(path, { recursive: true });
  const layers = `lowerdir=${lower},upperdir=${upper},workdir=${work}`;
  const mount = ['mount', '-t', 'overlay', 'overlay', '-o', layers, merged];
  if ((await tryCommand(mount)).exitCode !== 0) return 'native';
  await runCommand(['umount', merged]);
  return 'overlayfs';
}

interface ConfigParts {
  readonly dir: string;
  readonly socket: string;
  readonly snapshotter: string;
  readonly cni: CniPaths;
  readonly space: NodeSpace;
}

/**
 * Sets or disables everything that has a default path outside of our folders. containerd 1.3 and
 * later read version 2, and 2.x converts it to version 3. `restrict_oom_score_adj`: a machine
 * without CAP_SYS_RESOURCE cannot lower that value.
 */
function renderConfig({ dir, socket, snapshotter, cni, space }: ConfigParts): string {
  const q = JSON.stringify; // TOML's basic strings escape as JSON's do
  const cri = 'plugins."io.containerd.grpc.v1.cri"';
  return `version = 2
root = ${q(join(dir, 'root'))}
state = ${q(join(dir, 'state'))}
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.aufs"]

[grpc]
address = ${q(socket)}

[plugins."io.containerd.nri.v1.nri"]
disable = true

[${cri}]
sandbox_image = ${q(PAUSE_IMAGE)}
restrict_oom_score_adj = true
disable_apparmor = true
netns_mounts_under_state_dir = true
stream_server_address = ${q(space.network.nodeIp)}

[${cri}.cni]
bin_dir = ${q(cni.binDir)}
conf_dir = ${q(cni.confDir)}

[${cri}.registry]
config_path = ${q(join(dir, 'certs.d'))}

[${cri}.containerd]
snapshotter = ${q(snapshotter)}
default_runtime_name = "runc"

[${cri}.containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"

[${cri}.containerd.runtimes.runc.options]
Root = ${q(join(dir, 'runc'))}
`;
}
