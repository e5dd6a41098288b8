import { createSystemClock } from '@nodeagent/base/system';

import { MemoryCgroups } from '../../src/testing/index.js';
import { cgroupsContract } from '../support/cgroups-contract.js';
import { memoryScene } from '../support/memory-scene.js';

cgroupsContract(async () => memoryScene(new MemoryCgroups({ clock: createSystemClock() })));
