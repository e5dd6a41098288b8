import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { TestbedError } from './errors.ts';
import type { NodeSpace } from './node-space.ts';

/** Debian's folder, then the one that most installers use. */
const PLUGIN_DIRS = ['/usr/lib/cni', '/opt/cni/bin'];

export interface CniPaths {
  readonly binDir: string;
  readonly confDir: string;
}

/** Writes the configuration of a bridge network over the space's pod ranges, with host ports. */
export async function writeCniConfig({ dir, network }: NodeSpace): Promise<CniPaths> {
  const binDir = PLUGIN_DIRS.find((path) => existsSync(join(path, 'bridge')));
  if (binDir === undefined) {
    const text = `no CNI plugins in ${PLUGIN_DIRS.join(' or ')}`;
    throw new TestbedError('TESTBED_PROGRAM_MISSING', text);
  }
  const { podCidr, ipv6 } = network;
  const config = {
    cniVersion: '0.4.0',
    name: 'testbed',
    plugins: [
      {
        type: 'bridge',
        bridge: 'cni0',
        isDefaultGateway: true,
        hairpinMode: true,
        ipam: {
          type: 'host-local',
          dataDir: join(dir, 'cni/addresses'),
          ranges: [[{ subnet: podCidr }], ...(ipv6 ? [[{ subnet: ipv6.podCidr }]] : [])],
        },
      },
      { type: 'portmap', capabilities: { portMappings: true } },
    ],
  };
  const confDir = join(dir, 'cni/conf');
  await mkdir(confDir, { recursive: true });
  await writeFile(join(confDir, '10-testbed.conflist'), JSON.stringify(config, null, 2));
  return { binDir, confDir };
}
