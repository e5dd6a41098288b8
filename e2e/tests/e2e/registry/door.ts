import { readFileSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { type NodeSpace, type Registry, waitFor } from '@nodeagent/testbed';

/** A proxy in front of a registry: records its clients and can make them wait. */
export interface RegistryDoor {
  /** The host as in an image's name. */
  readonly host: string;
  /** The requests so far, `METHOD path user`, oldest first; `-` without a user. */
  asked(): readonly string[];
  /** From now on no client gets image content; manifests are still served. */
  close(): Promise<void>;
  open(): Promise<void>;
  stop(): Promise<void>;
}

export async function startRegistryDoor(
  space: NodeSpace,
  registry: Registry,
  port: number,
): Promise<RegistryDoor> {
  const closed = join(space.dir, `door-${port}-closed`);
  const program = join(import.meta.dirname, 'door-program.ts');
  const registryPort = registry.host.split(':').at(-1) ?? '';
  const argv = [process.execPath, program, `${port}`, registryPort, closed];
  const running = await space.start(`door-${port}`, argv);
  const lines = () => readFileSync(running.logFile, 'utf8').split('\n').slice(0, -1);
  const look = () => {
    running.assertRunning();
    return lines()[0] === 'listening';
  };
  await waitFor(look, { what: 'the door of the registry to be there' });
  return {
    host: `127.0.0.1:${port}`,
    asked: () => lines().slice(1),
    close: () => writeFile(closed, ''),
    open: () => rm(closed, { force: true }),
    stop: () => running.stop(),
  };
}
