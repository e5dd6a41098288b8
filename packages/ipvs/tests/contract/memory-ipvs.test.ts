import { MemoryIpvs } from '../../src/testing/index.js';
import { ipvsContract } from './ipvs-contract.js';

ipvsContract('MemoryIpvs', async () => new MemoryIpvs());
