import { spawn } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { arch } from 'node:process';

import { findProgram, SetupError } from './machine.ts';

/** The purposes of a program; callers ask for those they need. */
export type Purpose =
  | 'containers'
  | 'network'
  | 'registry'
  | 'kubectl'
  | 'kernel'
  | 'machine'
  | 'packages'
  | 'musl'
  | 'arm64'
  | 'storage'
  | 'systemd';

interface Need {
  /** Name or absolute path of a file in the package. */
  readonly program: string;
  readonly debianPackage: string;
}

/** The dynamic loader of musl, which is its libc too, for this machine's processor. */
export const MUSL_LOADER = `/lib/ld-musl-${arch === 'arm64' ? 'aarch64' : 'x86_64'}.so.1`;

/** The folder with the libraries of arm64 on machines with other processors. */
export const ARM64_ROOT = '/usr/aarch64-linux-gnu';

const NEEDS: Readonly<Record<Purpose, readonly Need[]>> = {
  containers: [
    { program: 'containerd', debianPackage: 'containerd' },
    { program: 'ctr', debianPackage: 'containerd' },
    { program: 'runc', debianPackage: 'runc' },
    { program: '/usr/lib/cni/bridge', debianPackage: 'containernetworking-plugins' },
    { program: '/bin/busybox', debianPackage: 'busybox-static' },
  ],
  network: [
    { program: 'ip', debianPackage: 'iproute2' },
    { program: 'nsenter', debianPackage: 'util-linux' },
    { program: 'iptables-restore', debianPackage: 'iptables' },
    { program: 'nft', debianPackage: 'nftables' },
    { program: 'ipset', debianPackage: 'ipset' },
    { program: 'conntrack', debianPackage: 'conntrack' },
    { program: 'curl', debianPackage: 'curl' },
  ],
  registry: [
    { program: 'docker-registry', debianPackage: 'docker-registry' },
    { program: 'htpasswd', debianPackage: 'apache2-utils' },
  ],
  storage: [
    { program: 'losetup', debianPackage: 'mount' },
    { program: 'blkid', debianPackage: 'util-linux' },
    { program: 'mkfs.ext4', debianPackage: 'e2fsprogs' },
    { program: 'mkfs.xfs', debianPackage: 'xfsprogs' },
  ],
  systemd: [
    { program: 'dbus-daemon', debianPackage: 'dbus' },
    { program: '/lib/systemd/systemd', debianPackage: 'systemd' },
    { program: 'unshare', debianPackage: 'util-linux' },
  ],
  packages: [
    { program: 'dpkg-deb', debianPackage: 'dpkg' },
    { program: 'lintian', debianPackage: 'lintian' },
    { program: 'strip', debianPackage: 'binutils' },
    { program: 'aarch64-linux-gnu-strip', debianPackage: 'binutils-aarch64-linux-gnu' },
  ],
  musl: [
    { program: MUSL_LOADER, debianPackage: 'musl' },
    { program: 'tcc', debianPackage: 'tcc' },
    { program: 'readelf', debianPackage: 'binutils' },
  ],
  arm64: [
    { program: 'qemu-aarch64-static', debianPackage: 'qemu-user-static' },
    { program: `${ARM64_ROOT}/lib/ld-linux-aarch64.so.1`, debianPackage: 'libc6-arm64-cross' },
    { program: `${ARM64_ROOT}/lib/libstdc++.so.6`, debianPackage: 'libstdc++6-arm64-cross' },
  ],
  kubectl: [{ program: 'dpkg', debianPackage: 'dpkg' }],
  machine: [
    { program: 'qemu-system-x86_64', debianPackage: 'qemu-system-x86' },
    { program: 'qemu-img', debianPackage: 'qemu-utils' },
    { program: 'debootstrap', debianPackage: 'debootstrap' },
    { program: 'mke2fs', debianPackage: 'e2fsprogs' },
    { program: 'tcc', debianPackage: 'tcc' },
  ],
  kernel: [
    { program: 'linux.uml', debianPackage: 'user-mode-linux' },
    { program: 'modprobe', debianPackage: 'kmod' },
    { program: 'setpriv', debianPackage: 'util-linux' },
    { program: 'tcc', debianPackage: 'tcc' },
    { program: 'ip', debianPackage: 'iproute2' },
    { program: 'mkfs.ext4', debianPackage: 'e2fsprogs' },
    { program: 'mkfs.xfs', debianPackage: 'xfsprogs' },
    { program: 'ipvsadm', debianPackage: 'ipvsadm' },
    { program: 'ipset', debianPackage: 'ipset' },
    { program: 'iptables-restore', debianPackage: 'iptables' },
    { program: 'conntrack', debianPackage: 'conntrack' },
    { program: 'curl', debianPackage: 'curl' },
  ],
};

export type Progress = (message: string) => void;

/**
 * Makes sure that the programs for these purposes are installed, by installing the Debian packages
 * of missing ones, and only those.
 *
 * @throws {SetupError} when something is missing and cannot be installed
 */
export async function ensurePackages(
  purposes: readonly Purpose[],
  progress: Progress,
): Promise<void> {
  const missing = await missingNeeds(purposes);
  if (missing.length === 0) return;
  const packages = [...new Set(missing.map((need) => need.debianPackage))];
  const names = packages.join(' ');
  if ((await findProgram('apt-get')) === undefined) {
    throw new SetupError(
      `Missing: ${missing.map((need) => need.program).join(', ')}. This machine has no apt-get; install the equivalents of these Debian packages: ${names}`,
    );
  }
  progress(`Installing Debian packages: ${names}`);
  if (!(await hasPackageLists())) await aptGet(['update'], progress);
  let problem = await aptInstall(packages);
  if (problem !== undefined) {
    progress('Refreshing the package lists, then trying again');
    await aptGet(['update'], progress);
    problem = await aptInstall(packages);
  }
  const still = problem === undefined ? await missingNeeds(purposes) : missing;
  if (still.length === 0) return;
  throw new SetupError(
    `Could not install ${names}: is there a network and a package mirror?\n${problem ?? `still missing: ${still.map((need) => need.program).join(', ')}`}`,
  );
}

async function missingNeeds(purposes: readonly Purpose[]): Promise<readonly Need[]> {
  const needs = purposes.flatMap((purpose) => NEEDS[purpose]);
  const found = await Promise.all(needs.map(({ program }) => findProgram(program)));
  return needs.filter((_, index) => found[index] === undefined);
}

async function hasPackageLists(): Promise<boolean> {
  const lists = await readdir('/var/lib/apt/lists').catch(() => []);
  return lists.some((name) => name.endsWith('_Packages') || name.endsWith('.lz4'));
}

/** @returns apt-get's output when it failed */
function aptInstall(packages: readonly string[]): Promise<string | undefined> {
  return apt(['install', '-y', '--no-install-recommends', ...packages]);
}

async function aptGet(args: readonly string[], progress: Progress): Promise<void> {
  const problem = await apt(args);
  if (problem !== undefined) progress(`apt-get ${args.join(' ')} failed: ${problem}`);
}

function apt(args: readonly string[]): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const child = spawn('apt-get', ['-q', '-o', 'DPkg::Lock::Timeout=120', ...args], {
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const output: string[] = [];
    child.stdout.on('data', (chunk: Buffer) => output.push(chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => output.push(chunk.toString()));
    child.once('error', reject);
    child.once('close', (code) => {
      resolve(code === 0 ? undefined : output.join('').trim().split('\n').slice(-8).join('\n'));
    });
  });
}
