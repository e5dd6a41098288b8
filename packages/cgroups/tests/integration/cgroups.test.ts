import { cgroupsContract } from '../support/cgroups-contract.js';
import { realCgroups } from '../support/real-cgroups.js';

cgroupsContract(() => realCgroups());
