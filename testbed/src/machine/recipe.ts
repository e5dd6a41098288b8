import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The content of a virtual machine's disk; a change of any part makes a new base image. */
export interface Recipe {
  /** Debian's code name: `bookworm`. */
  readonly suite: string;
  /** Debian packages beside the essential ones. */
  readonly packages: readonly string[];
  /** Size of the root file system; its unused part takes no space on the host. */
  readonly diskMiB: number;
  /** Modules that reach the root disk, in the order of loading. */
  readonly modules: readonly string[];
}

export const RECIPE: Recipe = {
  suite: 'bookworm',
  packages: [
    // the system itself
    ...['systemd', 'systemd-sysv', 'dbus', 'udev', 'libpam-systemd', 'kmod', 'procps'],
    ...['linux-image-cloud-amd64', 'qemu-guest-agent', 'ca-certificates'],
    // those on which nodes of a cluster rely
    ...['containerd', 'runc', 'containernetworking-plugins', 'iptables', 'nftables', 'iproute2'],
    ...['ipset', 'conntrack', 'ipvsadm', 'mount', 'util-linux', 'e2fsprogs', 'xfsprogs'],
    // volumes of file servers, and such a server, which is started where a test needs it
    ...['nfs-common', 'nfs-kernel-server'],
    // Node.js as npm's packages carry it
    'libatomic1',
    // clients for tests
    'curl',
  ],
  diskMiB: 6144,
  modules: [
    ...['virtio/virtio', 'virtio/virtio_ring', 'virtio/virtio_pci_legacy_dev'],
    ...['virtio/virtio_pci_modern_dev', 'virtio/virtio_pci', 'block/virtio_blk'],
  ],
};

const SCRIPTS = ['configure-root.sh', 'initrd-init.sh', 'base-image.ts'];

/** Returns the name of the base image that this recipe and our scripts make. */
export async function recipeKey(recipe: Recipe): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify(recipe));
  for (const name of SCRIPTS) hash.update(await readFile(join(import.meta.dirname, name)));
  return hash.digest('hex').slice(0, 12);
}
