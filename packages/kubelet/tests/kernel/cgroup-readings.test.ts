import { cgroupReadingsContract } from '../support/cgroup-readings-contract.js';
import { realCgroup } from '../support/real-cgroup.js';

cgroupReadingsContract(realCgroup);
