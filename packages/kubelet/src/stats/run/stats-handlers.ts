import { type Logger, parseQuantity, quantityToUnits } from '@nodeagent/base';
import { type FilesystemUsage, isCriError } from '@nodeagent/cri-client';
import type { FactSource } from '@nodeagent/node-status';

import type { Answer, PodsOnNode } from '../../server/index.js';
import type { Handlers } from '../../server/run/index.js';
import type { ImageFsFigures, NodeSurroundings } from '../model/measurement.js';
import { sandboxImageInInfo } from '../plan/container-cgroup.js';
import type { CriStats, MachineReadings, PodPlaces } from '../ports.js';
import { type CadvisorInput, cadvisorMetrics } from '../render/cadvisor-metrics.js';
import { EXPOSITION_TYPE } from '../render/exposition.js';
import { resourceMetrics } from '../render/resource-metrics.js';
import { summaryJson } from '../render/summary.js';
import { MEASURE, type NodeMeasurer } from './measure-node.js';

export interface StatsOptions {
  readonly measurer: NodeMeasurer;
  readonly cri: Pick<CriStats, 'imageFsInfo' | 'statusInfo'>;
  readonly machine: MachineReadings;
  readonly facts: Pick<FactSource, 'machine'>;
  readonly places: Pick<PodPlaces, 'node'>;
  readonly nodeName: string;
  readonly rootDir: string;
  /** `v1.36.0` */
  readonly version: string;
  readonly log: Logger;
}

/** Handlers of `/stats/summary`, `/metrics/cadvisor` and `/metrics/resource`. */
export function createStatsHandlers(options: StatsOptions): (pods: PodsOnNode) => Handlers {
  const { measurer, log } = options;
  const sandboxImage = askedOnce((signal) => readSandboxImage(options, signal));
  const facts = askedOnce(() => options.facts.machine());
  return (pods) => ({
    'stats-summary': async ({ request }, signal) => {
      const short = isTrue(request.query.get('only_cpu_and_memory'));
      const what = short ? MEASURE.shortSummary : MEASURE.summary;
      const node = await measurer.measure(pods.pods(), what, signal);
      const text = summaryJson({
        nodeName: options.nodeName,
        node,
        surroundings: short ? undefined : await readSurroundings(options, signal),
        allocatableMemoryBytes: allocatableMemory(options),
      });
      return streamed('application/json', text);
    },
    'metrics-resource': async (_, signal) => {
      try {
        const node = await measurer.measure(pods.pods(), MEASURE.resource, signal);
        return streamed(EXPOSITION_TYPE, resourceMetrics(node));
      } catch (err) {
        if (signal.aborted) throw err;
        log.warn({ err }, 'cannot measure the node');
        return streamed(EXPOSITION_TYPE, resourceMetrics(undefined));
      }
    },
    'metrics-cadvisor': async (_, signal) => {
      const node = await measurer.measure(pods.pods(), MEASURE.cadvisor, signal);
      const { machine, rootDir, version } = options;
      const input: CadvisorInput = {
        ...{ node, version },
        machine: await facts(signal),
        sandboxImage: await sandboxImage(signal),
        interfaces: await machine.interfaces(),
        fileSystem: await readFileSystem(machine, rootDir),
      };
      return streamed(EXPOSITION_TYPE, cadvisorMetrics(input));
    },
  });
}

/** Accepts the same texts as Go's strconv.ParseBool. */
function isTrue(text: string | null): boolean {
  return text !== null && ['1', 't', 'T', 'true', 'TRUE', 'True'].includes(text);
}

const encoder = new TextEncoder();

const CHUNK_CHARS = 32 * 1024;

/** Generated as the client reads it, so no page is ever in memory as a whole. */
function streamed(contentType: string, pieces: Iterable<string>): Answer {
  return { kind: 'stream', contentType, chunks: encoded(pieces) };
}

async function* encoded(pieces: Iterable<string>): AsyncGenerator<Uint8Array> {
  let text = '';
  for (const piece of pieces) {
    text += piece;
    if (text.length < CHUNK_CHARS) continue;
    yield encoder.encode(text);
    text = '';
  }
  yield encoder.encode(text);
}

async function readSandboxImage(
  { cri }: Pick<StatsOptions, 'cri'>,
  signal: AbortSignal,
): Promise<string> {
  return sandboxImageInInfo(await cri.statusInfo(signal));
}

/**
 * Asks once and keeps the answer, which does not change while the kubelet runs; retries failures.
 */
function askedOnce<T>(
  ask: (signal: AbortSignal) => Promise<T>,
): (signal: AbortSignal) => Promise<T> {
  let known: { readonly value: T } | undefined;
  return async (signal) => {
    known ??= { value: await ask(signal) };
    return known.value;
  };
}

function allocatableMemory({ places }: Pick<StatsOptions, 'places'>): number | undefined {
  const text = places.node()?.status?.allocatable?.['memory'];
  const quantity = text === undefined ? undefined : parseQuantity(text);
  return quantity === undefined ? undefined : quantityToUnits(quantity);
}

async function readSurroundings(
  { cri, machine, rootDir }: StatsOptions,
  signal: AbortSignal,
): Promise<NodeSurroundings> {
  const reported = await cri.imageFsInfo(signal).catch((error: unknown) => {
    if (isCriError(error, 'CRI_UNIMPLEMENTED')) return { images: [], containers: [] };
    throw error;
  });
  const imageFs = await imageFsFigures(machine, reported.images[0]);
  return {
    interfaces: await machine.interfaces(),
    processes: await machine.processes(),
    nodeFs: await machine.fileSystem(rootDir),
    imageFs,
    containerFs: (await imageFsFigures(machine, reported.containers[0])) ?? imageFs,
  };
}

async function imageFsFigures(
  machine: MachineReadings,
  reported: FilesystemUsage | undefined,
): Promise<ImageFsFigures | undefined> {
  const fileSystem = reported && (await machine.fileSystem(reported.mountpoint));
  if (reported === undefined || fileSystem === undefined) return undefined;
  return { fileSystem, usedBytes: reported.usedBytes, inodesUsed: reported.inodesUsed };
}

async function readFileSystem(
  machine: MachineReadings,
  path: string,
): Promise<CadvisorInput['fileSystem']> {
  const [device, figures] = await Promise.all([machine.deviceOf(path), machine.fileSystem(path)]);
  return device === undefined || figures === undefined ? undefined : { device, figures };
}
