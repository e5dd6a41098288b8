import { describe } from 'vitest';

import { useMachines } from './fixture.ts';
import { hugePages } from './huge-pages.ts';
import { memoryFlood } from './memory-flood.ts';
import { oomKills } from './oom-kills.ts';
import { services } from './services.ts';
import { slices } from './slices.ts';
import { swap } from './swap.ts';

/** One machine for all of them, because each boot takes most of a minute. */
const lab = useMachines({
  node1: { kubeletConfig: { podPidsLimit: 500, systemReserved: { cpu: '200m', memory: '256Mi' } } },
});

describe('the agents as services of systemd', () => services(lab));
describe('slices of systemd on cgroup version 2', () => slices(lab));
describe('huge pages', () => hugePages(lab));
describe('swap on a machine of cgroup version 2', () => swap(lab));
describe('the memory limit of a container', () => oomKills(lab));
describe('a machine whose memory is used up', () => memoryFlood(lab));
