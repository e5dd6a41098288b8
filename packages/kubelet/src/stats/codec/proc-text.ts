import { wholeNumber } from '@nodeagent/base';

import type { InterfaceFigures, MachineMemory } from '../model/usage.js';

/** Loopback and bridge interfaces; upstream skips them too. */
const LEFT_OUT = ['lo', 'veth', 'docker', 'nerdctl'];

/** In bytes; /proc/meminfo contains KiB. */
export function parseMachineMemory(text: string): MachineMemory {
  const bytes = (name: string): number => {
    const at = text.startsWith(`${name}:`) ? 0 : text.indexOf(`\n${name}:`) + 1;
    if (at === 0 && !text.startsWith(`${name}:`)) return 0;
    return (wholeNumber(text.slice(at + name.length + 1, at + name.length + 30)) ?? 0) * 1024;
  };
  return {
    totalBytes: bytes('MemTotal'),
    freeBytes: bytes('MemFree'),
    swapTotalBytes: bytes('SwapTotal'),
    swapFreeBytes: bytes('SwapFree'),
  };
}

/** Parses /proc/<pid>/net/dev: two title lines, then one line per interface. */
export function parseInterfaces(text: string): readonly InterfaceFigures[] {
  return text
    .split('\n')
    .slice(2)
    .flatMap((line) => {
      const colon = line.indexOf(':');
      if (colon === -1) return [];
      const name = line.slice(0, colon).trim();
      if (LEFT_OUT.some((prefix) => name.startsWith(prefix))) return [];
      const values = line
        .slice(colon + 1)
        .trim()
        .split(/\s+/);
      const value = (at: number): number => wholeNumber(values[at] ?? '') ?? 0;
      return [
        {
          name,
          rxBytes: value(0),
          rxPackets: value(1),
          rxErrors: value(2),
          rxDropped: value(3),
          txBytes: value(8),
          txPackets: value(9),
          txErrors: value(10),
          txDropped: value(11),
        },
      ];
    });
}

/** The number of threads, from /proc/loadavg: `0.10 0.20 0.30 2/345 6789`. */
export function parseThreadCount(loadavg: string): number | undefined {
  const found = /^\S+ \S+ \S+ \d+\/(\d{1,10}) /.exec(loadavg)?.[1];
  return found === undefined ? undefined : Number(found);
}

/** The boot time since the Unix epoch, from /proc/stat. */
export function parseBootTimeMs(stat: string): number | undefined {
  const found = /^btime (\d{1,12})$/m.exec(stat)?.[1];
  return found === undefined ? undefined : Number(found) * 1000;
}
