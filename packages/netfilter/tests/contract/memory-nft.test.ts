import { MemoryNftTable } from '../../src/testing/index.js';
import { nftContract } from './nft-contract.js';

nftContract(async (family) => {
  const table = new MemoryNftTable({ family, name: 'contract' });
  return { table, applyAsOther: async (operations) => table.applyAsOther(operations) };
});
