import { createHash } from 'node:crypto';
import { buffer } from 'node:stream/consumers';

import { pack } from 'tar-stream';

/** The content of an image; paths are absolute. */
export interface ImageSpec {
  /** Includes a tag: `nodeagent.test/web:1`. */
  readonly name: string;
  readonly files: readonly ImageFile[];
  readonly entrypoint: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** `65532:65532`; root when absent. */
  readonly user?: string;
  /** e.g. `SIGQUIT`. */
  readonly stopSignal?: string;
}

export type ImageFile =
  | Readonly<{ path: string; content: string | Buffer; mode?: number }>
  | Readonly<{ path: string; linkTo: string }>
  | Readonly<{ path: string; directory: true; mode?: number }>;

/** The time stamp of all files, so that the same spec always gives the same bytes and digests. */
const MTIME = new Date(0);

/** Builds an OCI image layout with one layer, as a tar archive for `ctr image import`. */
export async function buildImageArchive(spec: ImageSpec): Promise<Buffer> {
  const layer = await buildLayer(spec.files);
  const config = json({
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    os: 'linux',
    config: {
      Entrypoint: spec.entrypoint,
      Env: Object.entries({ PATH: '/bin', ...spec.env }).map(([key, value]) => `${key}=${value}`),
      ...(spec.user === undefined ? {} : { User: spec.user }),
      ...(spec.stopSignal === undefined ? {} : { StopSignal: spec.stopSignal }),
    },
    rootfs: { type: 'layers', diff_ids: [digest(layer)] },
  });
  const manifest = json({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: descriptor('application/vnd.oci.image.config.v1+json', config),
    layers: [descriptor('application/vnd.oci.image.layer.v1.tar', layer)],
  });
  const index = json({
    schemaVersion: 2,
    manifests: [
      {
        ...descriptor('application/vnd.oci.image.manifest.v1+json', manifest),
        annotations: { 'io.containerd.image.name': spec.name },
      },
    ],
  });
  const blobs = [layer, config, manifest].map((content) => {
    return { path: `blobs/sha256/${digest(content).slice('sha256:'.length)}`, content };
  });
  return buildTar([
    { path: 'oci-layout', content: json({ imageLayoutVersion: '1.0.0' }) },
    { path: 'index.json', content: index },
    ...blobs,
  ]);
}

/** Adds parent folders; /tmp always exists. */
function buildLayer(files: readonly ImageFile[]): Promise<Buffer> {
  const folders = new Map<string, ImageFile>();
  const addParents = (path: string) => {
    const parent = path.slice(0, path.lastIndexOf('/'));
    if (parent === '' || folders.has(parent)) return;
    addParents(parent);
    folders.set(parent, { path: parent, directory: true });
  };
  for (const { path } of files) addParents(path);
  folders.set('/tmp', { path: '/tmp', directory: true, mode: 0o1777 });
  return buildTar([...folders.values(), ...files]);
}

function buildTar(files: readonly ImageFile[]): Promise<Buffer> {
  const tar = pack();
  for (const file of files) {
    const name = file.path.replace(/^\//, '');
    if ('linkTo' in file) {
      tar.entry({ name, type: 'symlink', linkname: file.linkTo, mtime: MTIME });
    } else if ('directory' in file) {
      tar.entry({ name, type: 'directory', mode: file.mode ?? 0o755, mtime: MTIME });
    } else {
      tar.entry({ name, mode: file.mode ?? 0o644, mtime: MTIME }, file.content);
    }
  }
  tar.finalize();
  return buffer(tar);
}

function descriptor(mediaType: string, content: Buffer) {
  return { mediaType, digest: digest(content), size: content.length };
}

function digest(content: Buffer): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`;
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}
