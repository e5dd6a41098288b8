import { type Clock, type Logger, runEvery } from '@nodeagent/base';
import type { Pod, ReflectorSink } from '@nodeagent/kube-client';

import {
  ManifestError,
  type ManifestUrl,
  messageOf,
  type PodEvents,
  podFullName,
  podLabel,
  type PodSource,
} from '../../pod/index.js';
import { parsePodManifests } from '../codec/manifest.js';
import { prepareStaticPod } from '../plan/static-pod.js';

export interface HttpSourceOptions {
  readonly manifest: ManifestUrl;
  readonly nodeName: string;
  readonly checkMs: number;
  readonly events: PodEvents;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Static pods of a URL that serves a Pod or a PodList. A response other than 200, or one that
 * contains an invalid pod, changes nothing; an empty one removes all pods.
 *
 * @see Kubernetes 1.36 pkg/kubelet/config/http.go
 */
export function createHttpSource(options: HttpSourceOptions): PodSource {
  const { checkMs: periodMs, clock, log, manifest } = options;
  return {
    name: 'http',
    run: async (sink, signal) => {
      const url = new UrlReader(options, sink);
      let problem = '';
      const task = async (inner: AbortSignal): Promise<void> => {
        await url.read(inner);
        problem = '';
      };
      const onError = (err: unknown): void => {
        if (messageOf(err) === problem) return;
        problem = messageOf(err);
        log.warn({ url: manifest.url, err }, 'static pods not read from the URL');
      };
      await runEvery({ clock, periodMs, task, onError }, signal);
    },
  };
}

class UrlReader {
  readonly #options: HttpSourceOptions;
  readonly #sink: ReflectorSink<Pod>;
  #body: string | undefined;

  constructor(options: HttpSourceOptions, sink: ReflectorSink<Pod>) {
    this.#options = options;
    this.#sink = sink;
  }

  async read(signal: AbortSignal): Promise<void> {
    const { manifest, nodeName } = this.#options;
    const { httpStatus, body } = await manifest.fetch(signal);
    if (httpStatus !== 200) throw new Error(`the response status was ${httpStatus}`);
    if (body === '') {
      this.#body = undefined;
      this.#sink.replace(new Map());
      throw new ManifestError('the response was empty: all its pods are removed');
    }
    if (body === this.#body) return;
    const origin = { kind: 'url', url: manifest.url } as const;
    const pods = parsePodManifests(body).map((pod) => prepareStaticPod(pod, origin, nodeName));
    this.#sink.replace(this.#byName(pods));
    this.#body = body;
  }

  /** If two pods have the same name, the first counts. */
  #byName(pods: readonly Pod[]): ReadonlyMap<string, Pod> {
    const { events } = this.#options;
    const byName = new Map<string, Pod>();
    for (const pod of pods) {
      const name = podFullName(pod);
      if (!byName.has(name)) {
        byName.set(name, pod);
        continue;
      }
      const quoted = JSON.stringify(pod.metadata?.name);
      const message = `Error validating pod ${podLabel(pod)} from http due to duplicate pod name ${quoted}, ignoring`;
      events.warning(pod, 'FailedValidation', message);
    }
    return byName;
  }
}
