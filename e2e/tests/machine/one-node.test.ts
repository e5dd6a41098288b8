import { describe } from 'vitest';

import { useMachines } from './fixture.ts';
import { buildPackages, packages } from './packages.ts';
import { services } from './services.ts';
import { shutdown } from './shutdown.ts';
import { slices } from './slices.ts';

const disk = await buildPackages();
/** One machine for all of them, because each boot takes most of a minute. */
const lab = useMachines({
  node1: {
    disks: [disk],
    kubeletConfig: {
      staticPodPath: '/etc/kubernetes/manifests',
      podPidsLimit: 500,
      systemReserved: { cpu: '200m', memory: '256Mi' },
    },
  },
});

describe('the agents as services of systemd', () => services(lab));
describe('slices of systemd on cgroup version 2', () => slices(lab));
describe('a machine that shuts down', () => shutdown(lab));
describe('Debian packages', () => packages(lab, disk));
