import { library } from '../../tsup.config.base.ts';

export default library({
  index: 'src/index.ts',
  'adapters/process': 'src/adapters/process.ts',
  'adapters/upgrade': 'src/adapters/upgrade.ts',
});
