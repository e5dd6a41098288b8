import type { PodEvents, PodSource } from '../../pod/index.js';
import { createFileSource, createHttpSource } from '../../sources/run/index.js';
import { staticSourcesOf } from '../plan/source-rules.js';
import type { Parts } from './parts.js';

/** The configured sources of static pods. */
export function staticSources(
  { config, identity, adapters }: Parts,
  events: PodEvents,
): readonly PodSource[] {
  const { nodeName } = identity;
  const { clock, log, files } = adapters;
  const { files: directory, url } = staticSourcesOf(config);
  const sources: PodSource[] = [];
  if (directory !== undefined) {
    const manifests = files.manifests(directory.path);
    const { checkMs } = directory;
    sources.push(createFileSource({ files: manifests, nodeName, checkMs, clock, log }));
  }
  if (url !== undefined) {
    const manifest = files.manifestUrl(url.url, url.headers);
    const { checkMs } = url;
    sources.push(createHttpSource({ manifest, nodeName, checkMs, events, clock, log }));
  }
  return sources;
}
