import { runCommand } from '@nodeagent/testbed';
import { onTestFinished } from 'vitest';

import { openIpvs } from '../../src/netlink.js';
import { ipvsContract } from '../contract/ipvs-contract.js';

ipvsContract('The kernel', async () => {
  await runCommand(['ipvsadm', '-C']);
  const ipvs = openIpvs();
  onTestFinished(() => ipvs.close());
  return ipvs;
});
