import { describe } from 'vitest';

import { useMachines } from './fixture.ts';
import { kubeadm } from './kubeadm.ts';
import { buildPackages, packages, purge } from './packages.ts';

const disk = await buildPackages();
const lab = useMachines({ node1: { disks: [disk] } });

describe('Debian packages', () => {
  packages(lab, disk);
  describe('on a machine of kubeadm', () => kubeadm(lab, disk));
  purge(lab);
});
