import { existsSync } from 'node:fs';
import {
  chmod,
  copyFile,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  rename,
  rm,
  writeFile,
} from 'node:fs/promises';
import { join, resolve } from 'node:path';

import { runCommand } from '../command.ts';
import { startContainerd } from '../containerd.ts';
import { machinesMirror } from '../debian-package.ts';
import { TestbedError } from '../errors.ts';
import { withFileLock } from '../file-lock.ts';
import { PAUSE_IMAGE } from '../images.ts';
import { createNodeSpace } from '../node-space.ts';
import { RECIPE, type Recipe, recipeKey } from './recipe.ts';

/** The files of a boot; shared by all machines, none of which changes them. */
export interface BaseImage {
  readonly kernel: string;
  readonly initrd: string;
  /** A raw ext4 file system. */
  readonly disk: string;
}

const CACHE_DIR = resolve(import.meta.dirname, '../../../.cache/machine');
/** A place outside of the checkout: tools that walk it must not meet the `/proc` of a system. */
const SCRATCH_DIR = '/var/tmp';
const SLOW_MS = 600_000;

/**
 * Builds the base image, or returns the one that the same recipe built before. It takes about two
 * minutes and 100 MB of downloads from the machine's own Debian mirror. One process builds; others
 * that need it wait.
 *
 * @throws {TestbedError} `TESTBED_PROGRAM_MISSING`, `TESTBED_COMMAND_FAILED` with a tool's message
 */
export async function buildBaseImage(recipe: Recipe = RECIPE): Promise<BaseImage> {
  const target = join(CACHE_DIR, await recipeKey(recipe));
  const image: BaseImage = {
    kernel: join(target, 'vmlinuz'),
    initrd: join(target, 'initrd.gz'),
    disk: join(target, 'root.ext4'),
  };
  if (existsSync(target)) return image;
  await mkdir(CACHE_DIR, { recursive: true });
  await withFileLock(`${target}.lock`, async () => {
    if (!existsSync(target)) await build(recipe, target); // another process was quicker
  });
  return image;
}

async function build(recipe: Recipe, target: string): Promise<void> {
  const out = await mkdtemp(join(CACHE_DIR, `build-${process.pid}-`));
  const work = await mkdtemp(join(SCRATCH_DIR, `machine-${process.pid}-`));
  try {
    const root = join(work, 'root');
    await installSystem(root, recipe);
    await installImages(root);
    await writeInitrd({ root, work, out, modules: recipe.modules });
    const disk = join(out, 'root.ext4');
    const size = `${recipe.diskMiB}M`;
    const make = ['mke2fs', '-q', '-t', 'ext4', '-L', 'root', '-d', root, disk, size];
    await runCommand(make, { timeoutMs: SLOW_MS });
    await rename(out, target);
  } finally {
    for (const dir of [work, out]) await rm(dir, { recursive: true, force: true });
  }
}

async function installSystem(root: string, { suite, packages }: Recipe): Promise<void> {
  const include = `--include=${packages.join(',')}`;
  const mirror = await machinesMirror();
  const strap = ['debootstrap', '--variant=minbase', include, suite, root, mirror];
  await runCommand(strap, { timeoutMs: SLOW_MS });
  const script = 'configure-root.sh';
  await copyFile(join(import.meta.dirname, script), join(root, script));
  const env = { PAUSE_IMAGE, PATH: '/usr/sbin:/usr/bin:/sbin:/bin' };
  await runCommand(['chroot', root, 'sh', `/${script}`], { env });
  await rm(join(root, script));
}

/** Imports the test images here, where it takes a second, and not on each virtual machine. */
async function installImages(root: string): Promise<void> {
  const space = await createNodeSpace({ name: 'machine-images' });
  try {
    const containerd = await startContainerd({ space, images: ['busybox', 'web'] });
    if (containerd.snapshotter !== 'overlayfs') {
      const text = `overlayfs does not work on ${CACHE_DIR}, and machines need it`;
      throw new TestbedError('TESTBED_COMMAND_FAILED', text);
    }
    await containerd.stop();
    const to = join(root, 'var/lib/containerd');
    await rm(to, { recursive: true, force: true });
    await runCommand(['cp', '-a', join(space.dir, 'containerd/root'), to]);
  } finally {
    await space.remove();
  }
}

interface InitrdParts {
  readonly root: string;
  readonly work: string;
  readonly out: string;
  readonly modules: readonly string[];
}

/** Makes an initial file system of busybox, a script and a few modules: it boots in a second. */
async function writeInitrd({ root, work, out, modules }: InitrdParts): Promise<void> {
  const dir = join(work, 'initrd');
  for (const folder of ['bin', 'modules', 'proc', 'dev', 'root']) {
    await mkdir(join(dir, folder), { recursive: true });
  }
  const [release = ''] = await readdir(join(root, 'lib/modules'));
  const drivers = join(root, 'lib/modules', release, 'kernel/drivers');
  for (const path of modules) {
    await cp(join(drivers, `${path}.ko`), join(dir, 'modules', `${path.split('/').at(-1)}.ko`));
  }
  const order = modules.map((path) => `${path.split('/').at(-1)}\n`).join('');
  await writeFile(join(dir, 'modules/order'), order);
  await copyFile('/bin/busybox', join(dir, 'bin/busybox'));
  await copyFile(join(import.meta.dirname, 'initrd-init.sh'), join(dir, 'init'));
  await chmod(join(dir, 'init'), 0o755);
  const pack = 'find . | busybox cpio -o -H newc | gzip -1 > "$1"';
  await runCommand(['sh', '-ec', pack, 'sh', join(out, 'initrd.gz')], { cwd: dir });
  await copyFile(join(root, 'boot', `vmlinuz-${release}`), join(out, 'vmlinuz'));
}
