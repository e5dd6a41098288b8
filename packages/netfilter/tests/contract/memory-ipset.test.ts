import { MemoryIpset } from '../../src/testing/index.js';
import { ipsetContract } from './ipset-contract.js';

ipsetContract('MemoryIpset', async () => new MemoryIpset());
