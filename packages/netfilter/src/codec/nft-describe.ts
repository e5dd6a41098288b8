import type { NftOperation, NftTableName } from '../model/nftables.js';

/** Text for error messages: `add element ip nat endpoints`. */
export function describeOperation(operation: NftOperation, { family, name }: NftTableName): string {
  const what = `${operation.op.replace('-', ' ')} ${family} ${name}`;
  switch (operation.op) {
    case 'add-chain':
      return `${what} ${operation.chain.name}`;
    case 'flush-chain':
    case 'delete-chain':
    case 'add-rule':
      return `${what} ${operation.chain}`;
    case 'replace-rule':
    case 'delete-rule':
      return `${what} ${operation.chain} handle ${operation.handle}`;
    case 'add-set':
      return `${what} ${operation.set.name}`;
    case 'flush-set':
    case 'delete-set':
      return `${what} ${operation.set}`;
    case 'add-elements':
    case 'delete-elements':
      return `${what} ${operation.set.name}`;
    case 'add-object':
      return `${what} ${operation.object.type} ${operation.object.name}`;
    case 'delete-object':
      return `${what} ${operation.type} ${operation.name}`;
    case 'add-flowtable':
      return `${what} ${operation.flowtable.name}`;
    case 'delete-flowtable':
      return `${what} ${operation.flowtable}`;
    case 'add-table':
    case 'delete-table':
      return what;
    case 'may-split':
      return '';
  }
}
