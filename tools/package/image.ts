import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { cp, mkdir, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { unpackDebian } from './debian-files.ts';
import { perform } from './executable.ts';
import { type Architecture, type PackagedProgram, packageOf } from './programs.ts';

export interface ImageOptions {
  readonly version: string;
  readonly architecture: Architecture;
  /** Time of the commit: every file's date, in seconds since 1970. */
  readonly epoch: number;
  readonly executable: string;
  /** Directory of what is only needed meanwhile. */
  readonly work: string;
  /** Debian packages below the program. */
  readonly packages: readonly string[];
  /** `none`, or anything else for layers that gzip has compressed. */
  readonly compression: string;
  /** The archive. */
  readonly file: string;
}

interface Blob {
  /** `sha256:…` */
  readonly digest: string;
  readonly size: number;
}

interface Layer extends Blob {
  /** Digest of the layer before compression. */
  readonly contentDigest: string;
}

const TYPE = 'application/vnd.oci.image';
/** Debian chooses these by its alternatives, when a package is installed. */
const IPTABLES = ['iptables', 'ip6tables'].flatMap((name) =>
  ['', '-save', '-restore'].map((part) => `${name}${part}`),
);

/**
 * Makes an image in an OCI image layout: Debian's packages as one layer, the executable as another.
 * The same bytes for the same executable, time and versions of packages.
 *
 * @see https://github.com/opencontainers/image-spec/blob/main/image-layout.md
 */
export async function packImage(program: PackagedProgram, options: ImageOptions): Promise<void> {
  const { work, architecture, packages, executable, epoch, file, version } = options;
  const [below, above, layout] = ['below', 'above', 'layout'].map((one) => join(work, one)) as [
    string,
    string,
    string,
  ];
  const apt = { architecture, work: join(work, 'apt'), root: below };
  await unpackDebian(packages, apt);
  for (const name of IPTABLES) await symlink('xtables-nft-multi', join(below, 'usr/sbin', name));
  await mkdir(join(above, 'usr/bin'), { recursive: true });
  await cp(executable, join(above, 'usr/bin', program.name));
  // the path at which the DaemonSet of kubeadm calls it
  const usual = join(above, 'usr/local/bin');
  await mkdir(usual, { recursive: true });
  await symlink(`/usr/bin/${program.name}`, join(usual, program.name));
  await mkdir(join(layout, 'blobs/sha256'), { recursive: true });
  const layers: Layer[] = [];
  const isZipped = options.compression !== 'none';
  for (const root of [below, above]) layers.push(await addLayer(root, { epoch, layout, isZipped }));
  const created = new Date(epoch * 1000).toISOString();
  const config = await addJson(layout, {
    ...{ created, architecture, os: 'linux' },
    config: {
      Entrypoint: [`/usr/bin/${program.name}`],
      Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
    },
    rootfs: { type: 'layers', diff_ids: layers.map(({ contentDigest }) => contentDigest) },
  });
  const manifest = await addJson(layout, {
    schemaVersion: 2,
    mediaType: `${TYPE}.manifest.v1+json`,
    config: { mediaType: `${TYPE}.config.v1+json`, ...config },
    layers: layers.map(({ digest, size }) => {
      return { mediaType: `${TYPE}.layer.v1.tar${isZipped ? '+gzip' : ''}`, digest, size };
    }),
  });
  const name = `${packageOf(program)}:${version}`;
  const annotations = {
    'io.containerd.image.name': `localhost/${name}`,
    'org.opencontainers.image.ref.name': version,
  };
  const entry = { mediaType: `${TYPE}.manifest.v1+json`, ...manifest, annotations };
  await writeFile(
    join(layout, 'index.json'),
    JSON.stringify({ schemaVersion: 2, manifests: [entry] }),
  );
  await writeFile(join(layout, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
  await archive(layout, epoch, file);
}

/** Writes the same bytes for the same files. */
async function archive(root: string, epoch: number, file: string): Promise<void> {
  const same = ['--sort=name', `--mtime=@${epoch}`, '--owner=0', '--group=0', '--numeric-owner'];
  await perform(['tar', ...same, '--format=gnu', '-C', root, '-cf', file, '.']);
}

async function addLayer(
  root: string,
  { epoch, layout, isZipped }: Readonly<{ epoch: number; layout: string; isZipped: boolean }>,
): Promise<Layer> {
  const tar = join(layout, 'layer.tar');
  await archive(root, epoch, tar);
  await rm(root, { recursive: true });
  const contentDigest = await digestOf(tar);
  if (isZipped) await perform(['gzip', '-n', '-6', tar]);
  const file = isZipped ? `${tar}.gz` : tar;
  const digest = isZipped ? await digestOf(file) : contentDigest;
  const { size } = await stat(file);
  await rename(file, join(layout, 'blobs', digest.replace(':', '/')));
  return { digest, size, contentDigest };
}

async function digestOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(file)) hash.update(piece as Buffer);
  return `sha256:${hash.digest('hex')}`;
}

async function addJson(layout: string, value: object): Promise<Blob> {
  const text = Buffer.from(JSON.stringify(value));
  const hex = createHash('sha256').update(text).digest('hex');
  await writeFile(join(layout, 'blobs/sha256', hex), text);
  return { digest: `sha256:${hex}`, size: text.length };
}
