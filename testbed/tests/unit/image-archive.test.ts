import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';

import { extract } from 'tar-stream';
import { describe, expect, it } from 'vitest';

import { buildImageArchive, type ImageSpec } from '../../src/image-archive.ts';

const spec: ImageSpec = {
  name: 'nodeagent.test/app:1',
  files: [
    { path: '/opt/app/run', content: '#!/bin/sh\n', mode: 0o755 },
    { path: '/bin/sh', linkTo: 'busybox' },
  ],
  entrypoint: ['/opt/app/run'],
  env: { MODE: 'test' },
};

describe(buildImageArchive, () => {
  it('points from the index to the layer by digests that match the bytes', async () => {
    const files = await untar(await buildImageArchive(spec));
    const index = parse(files.get('index.json'));
    const manifest = parse(blob(files, index.manifests[0].digest));
    const config = parse(blob(files, manifest.config.digest));
    expect(config.config).toEqual({
      Entrypoint: ['/opt/app/run'],
      Env: ['PATH=/bin', 'MODE=test'],
    });
    expect(config.rootfs.diff_ids).toEqual([manifest.layers[0].digest]);
    const layer = await untar(blob(files, manifest.layers[0].digest));
    expect([...layer.keys()]).toEqual(['opt', 'opt/app', 'bin', 'tmp', 'opt/app/run', 'bin/sh']);
  });

  it('gives the same bytes for the same spec', async () => {
    expect(await buildImageArchive(spec)).toEqual(await buildImageArchive(spec));
  });
});

function blob(files: ReadonlyMap<string, Buffer>, digest: string): Buffer {
  const content = files.get(`blobs/${digest.replace(':', '/')}`)!;
  expect(`sha256:${createHash('sha256').update(content).digest('hex')}`).toBe(digest);
  return content;
}

interface Json {
  manifests: [{ digest: string }];
  config: { digest: string };
  layers: [{ digest: string }];
  rootfs: { diff_ids: string[] };
}

function parse(content: Buffer | undefined): Json {
  return JSON.parse(content!.toString()) as Json;
}

async function untar(archive: Buffer): Promise<ReadonlyMap<string, Buffer>> {
  const files = new Map<string, Buffer>();
  const reader = extract();
  Readable.from([archive]).pipe(reader);
  for await (const entry of reader) {
    const chunks: Buffer[] = [];
    for await (const chunk of entry) chunks.push(chunk as Buffer);
    files.set(entry.header.name, Buffer.concat(chunks));
  }
  return files;
}
