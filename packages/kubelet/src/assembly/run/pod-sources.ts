import type { PodEvents, PodSource } from '../../pod/index.js';
import { createFileSource, createHttpSource } from '../../sources/run/index.js';
import type { Parts } from './parts.js';

/** The configured sources of static pods. */
export function staticSources(
  { config, identity, adapters }: Parts,
  events: PodEvents,
): readonly PodSource[] {
  const { nodeName } = identity;
  const { clock, log, files } = adapters;
  const sources: PodSource[] = [];
  if (config.staticPodPath !== '') {
    const manifests = files.manifests(config.staticPodPath);
    const checkMs = config.fileCheckFrequencyMs;
    sources.push(createFileSource({ files: manifests, nodeName, checkMs, clock, log }));
  }
  if (config.staticPodURL !== '') {
    const manifest = files.manifestUrl(config.staticPodURL, config.staticPodURLHeader);
    const checkMs = config.httpCheckFrequencyMs;
    sources.push(createHttpSource({ manifest, nodeName, checkMs, events, clock, log }));
  }
  return sources;
}
