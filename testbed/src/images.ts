import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, open, readFile, rename, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

import { runCommand } from './command.ts';
import { TestbedError } from './errors.ts';
import { buildImageArchive, type ImageFile, type ImageSpec } from './image-archive.ts';

/**
 * `pause` holds a pod's namespaces. `busybox` has all applets and runs its arguments. `web` answers
 * with its host name on `/` and `ok` on `/healthz`, port `$PORT` (8080). All of them end at
 * SIGTERM.
 */
export type TestImage = 'pause' | 'busybox' | 'web';

export const PAUSE_IMAGE = 'nodeagent.test/pause:1';

export interface ImageArchive {
  readonly name: string;
  /** An OCI archive. */
  readonly file: string;
}

const IMAGES_DIR = resolve(import.meta.dirname, '../../.cache/images');

/** As process 1, a shell receives only the signals it handles, and must collect orphans itself. */
const PAUSE_SCRIPT = `#!/bin/sh
trap 'exit 0' TERM INT
while :; do sleep 2147483647 & wait; done
`;

const WEB_SCRIPT = `#!/bin/sh
mkdir -p /tmp/www
hostname > /tmp/www/index.html
echo ok > /tmp/www/healthz
httpd -f -p "\${PORT:-8080}" -h /tmp/www &
trap 'kill $!; exit 0' TERM INT
wait
`;

export async function buildTestImage(image: TestImage): Promise<ImageArchive> {
  const files = await busyboxFiles();
  switch (image) {
    case 'pause':
      return buildImage({
        name: PAUSE_IMAGE,
        files: [...files, { path: '/pause', content: PAUSE_SCRIPT, mode: 0o755 }],
        entrypoint: ['/pause'],
      });
    case 'busybox':
      return buildImage({ name: 'nodeagent.test/busybox:1', files, entrypoint: [] });
    case 'web':
      return buildImage({
        name: 'nodeagent.test/web:1',
        files: [...files, { path: '/web', content: WEB_SCRIPT, mode: 0o755 }],
        entrypoint: ['/web'],
      });
  }
}

/** Builds an image, or returns one that was already built from the same parts. */
export async function buildImage(spec: ImageSpec): Promise<ImageArchive> {
  const hash = createHash('sha256');
  hash.update(JSON.stringify({ ...spec, files: undefined }));
  for (const file of spec.files) {
    hash.update(JSON.stringify({ ...file, content: undefined }));
    if ('content' in file) hash.update(file.content);
  }
  const base = spec.name.replaceAll(/[^a-z0-9.]+/g, '-');
  const file = join(IMAGES_DIR, `${base}-${hash.digest('hex').slice(0, 12)}.tar`);
  if (!existsSync(file)) {
    await mkdir(IMAGES_DIR, { recursive: true });
    const unfinished = `${file}.${process.pid}`;
    await writeFile(unfinished, await buildImageArchive(spec));
    await rename(unfinished, file);
  }
  return { name: spec.name, file };
}

/** busybox with a link for each of its applets: enough user land for every test image. */
export async function busyboxFiles(): Promise<readonly ImageFile[]> {
  const busybox = await findBusybox();
  const applets = (await runCommand([busybox, '--list'])).trim().split('\n');
  const links = applets
    .filter((name) => name !== 'busybox')
    .map((name) => ({ path: `/bin/${name}`, linkTo: 'busybox' }));
  const content = await readFile(busybox);
  return [
    { path: '/bin/busybox', content, mode: 0o755 },
    ...links,
    {
      path: '/etc/passwd',
      content: 'root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n',
    },
    { path: '/etc/group', content: 'root:x:0:\nnogroup:x:65534:\n' },
  ];
}

async function findBusybox(): Promise<string> {
  for (const path of ['/bin/busybox', '/usr/bin/busybox', '/usr/local/bin/busybox']) {
    if (existsSync(path) && (await isStatic(path))) return path;
  }
  const text = 'no statically linked busybox (Debian and Ubuntu: apt-get install busybox-static)';
  throw new TestbedError('TESTBED_PROGRAM_MISSING', text);
}

/** A static ELF program names no interpreter (program header type 3). */
async function isStatic(path: string): Promise<boolean> {
  const file = await open(path);
  try {
    const head = Buffer.alloc(4096);
    await file.read(head, 0, head.length, 0);
    const [start, size, count] = [
      Number(head.readBigUInt64LE(32)),
      head.readUInt16LE(54),
      head.readUInt16LE(56),
    ];
    for (let i = 0; i < count; i++) if (head.readUInt32LE(start + i * size) === 3) return false;
    return true;
  } finally {
    await file.close();
  }
}
