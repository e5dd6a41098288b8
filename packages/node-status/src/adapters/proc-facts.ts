import { lookup } from 'node:dns/promises';
import { readdir, readFile, statfs } from 'node:fs/promises';
import { join } from 'node:path';

import { orAborted } from '@nodeagent/base';

import {
  countCpuList,
  goArchitecture,
  parseDefaultRoute4,
  parseDefaultRoute6,
  parseMeminfo,
  parsePrettyName,
} from '../codec/proc.js';
import { NodeStatusError } from '../model/errors.js';
import type { MachineFacts, NetworkFacts } from '../model/facts.js';
import type { FactSource } from '../ports.js';
import { createInterfaceList, type InterfaceAddress } from './interface-list.js';

/** Places of the machine's facts. */
export interface ProcFactsOptions {
  /** A directory on the file system of pods' local data; it need not exist yet. */
  readonly rootDir: string;
  /** The root of /proc, /sys, /etc and /var; `/` when absent. */
  readonly root?: string;
}

/** Measures a Linux machine through /proc, /sys and a few files of /etc. */
export function createProcFacts({ rootDir, root = '/' }: ProcFactsOptions): FactSource {
  const file = (path: string): Promise<string | undefined> => readOptional(join(root, path));
  const interfaces = createInterfaceList(file);
  return {
    machine: () => machine(root, rootDir),
    network: async (name, signal) => {
      const all = await interfaces();
      return {
        interfaceAddresses: all.map(({ address }) => address),
        resolvedAddresses: name === undefined ? [] : await orAborted(resolved(name), signal),
        defaultRoute: await defaultRoute(all, file),
      };
    },
  };
}

async function machine(root: string, rootDir: string): Promise<MachineFacts> {
  const file = (path: string): Promise<string | undefined> => readOptional(join(root, path));
  const first = async (...paths: readonly string[]): Promise<string> => {
    for (const path of paths) {
      const text = (await file(path))?.trim();
      if (text !== undefined && text !== '') return text;
    }
    return '';
  };
  const memory = parseMeminfo(await required(root, 'proc/meminfo'));
  const memoryBytes = memory.get('MemTotal');
  if (memoryBytes === undefined) throw unreadable(join(root, 'proc/meminfo'), 'has no MemTotal');
  return {
    cpuCount: await cpuCount(root),
    memoryBytes,
    swapBytes: memory.get('SwapTotal') ?? 0,
    hugePages: await hugePages(root),
    rootFsBytes: await fileSystemBytes(rootDir),
    machineId: await first('etc/machine-id', 'var/lib/dbus/machine-id'),
    systemUuid: await first('sys/class/dmi/id/product_uuid'),
    bootId: await first('proc/sys/kernel/random/boot_id'),
    kernelVersion: await first('proc/sys/kernel/osrelease'),
    osImage: parsePrettyName(await first('etc/os-release', 'usr/lib/os-release')) ?? 'Linux',
    operatingSystem: 'linux',
    architecture: goArchitecture(process.arch),
  };
}

async function cpuCount(root: string): Promise<number> {
  const online = await readOptional(join(root, 'sys/devices/system/cpu/online'));
  const counted = online === undefined ? undefined : countCpuList(online);
  if (counted !== undefined) return counted;
  const listed = (await required(root, 'proc/cpuinfo')).match(/^processor\s*:/gm)?.length;
  if (listed === undefined) throw unreadable(join(root, 'proc/cpuinfo'), 'lists no processor');
  return listed;
}

async function hugePages(root: string): Promise<MachineFacts['hugePages']> {
  const folder = join(root, 'sys/kernel/mm/hugepages');
  const names = await readdir(folder).catch(absent);
  const sizes = (names ?? []).map((name) => ({ name, kib: /^hugepages-(\d+)kB$/.exec(name)?.[1] }));
  const known = sizes.filter(({ kib }) => kib !== undefined);
  return Promise.all(
    known
      .map(({ name, kib }) => ({ name, sizeBytes: Number(kib) * 1024 }))
      .sort((a, b) => a.sizeBytes - b.sizeBytes)
      .map(async ({ name, sizeBytes }) => ({
        sizeBytes,
        pages: Number(await readOptional(join(folder, name, 'nr_hugepages'))) || 0,
      })),
  );
}

/** Measures the file system of the nearest existing parent directory. */
async function fileSystemBytes(path: string): Promise<number> {
  const figures = await statfs(path).catch(absent);
  if (figures !== undefined) return figures.blocks * figures.bsize;
  if (path === '/' || path === '.') throw unreadable(path, 'does not exist');
  return fileSystemBytes(join(path, '..'));
}

async function resolved(name: string): Promise<readonly string[]> {
  try {
    return (await lookup(name, { all: true, order: 'verbatim' })).map(({ address }) => address);
  } catch {
    return []; // a node name that does not resolve is common, and the node has other addresses
  }
}

async function defaultRoute(
  all: readonly InterfaceAddress[],
  file: (path: string) => Promise<string | undefined>,
): Promise<NetworkFacts['defaultRoute']> {
  const iface4 = parseDefaultRoute4((await file('proc/net/route')) ?? '');
  const iface6 = parseDefaultRoute6((await file('proc/net/ipv6_route')) ?? '');
  const ipv4 = all.find(({ iface, family }) => iface === iface4 && family === 'IPv4')?.address;
  const ipv6 = all.find(
    ({ iface, family, address }) =>
      iface === iface6 && family === 'IPv6' && !address.toLowerCase().startsWith('fe80:'),
  )?.address;
  return { ...(ipv4 === undefined ? {} : { ipv4 }), ...(ipv6 === undefined ? {} : { ipv6 }) };
}

async function required(root: string, path: string): Promise<string> {
  const text = await readOptional(join(root, path));
  if (text === undefined) throw unreadable(join(root, path), 'does not exist');
  return text;
}

function readOptional(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(absent);
}

/** @throws all errors except that the file does not exist or cannot be read */
function absent(error: NodeJS.ErrnoException): undefined {
  if (['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM'].includes(error.code ?? '')) return undefined;
  throw new NodeStatusError('NODE_FACT_UNREADABLE', error.message, { cause: error });
}

function unreadable(path: string, why: string): NodeStatusError {
  return new NodeStatusError('NODE_FACT_UNREADABLE', `${path} ${why}: the node cannot be measured`);
}
