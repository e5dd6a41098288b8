import { SILENT_LOGGER } from '@nodeagent/base';
import { createSystemClock } from '@nodeagent/base/system';

import { checkTree } from '../../src/index.js';
import { openCgroups, openTree } from '../../src/linux.js';
import { cgroupsContract } from '../support/cgroups-contract.js';
import { realCgroups } from '../support/real-cgroups.js';

cgroupsContract(async () => {
  const opened = await openTree({
    ...{ driver: 'systemd', clock: createSystemClock(), log: SILENT_LOGGER },
  });
  const { tree } = checkTree(opened, (difference) => {
    throw new Error(JSON.stringify(difference));
  });
  return realCgroups({ ...(await openCgroups({ driver: 'systemd' })), tree });
});
