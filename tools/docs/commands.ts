import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { ROOT } from '../test/process.ts';
import { type Block, blocksOf } from './blocks.ts';

/** The test tier that runs a command. */
type CommandTier = 'packages' | 'kernel' | 'integration';

/** A shell command that a page tells its reader to type. */
export interface Command {
  /** `docs/guides/replace-ipvsadm.md:13`. */
  readonly place: string;
  /** On one line, with the comment at its end if it has one. */
  readonly text: string;
}

/** The commands of a page in their order. */
export interface PageCommands {
  /** Below the repository's root. */
  readonly page: string;
  readonly commands: readonly Command[];
}

/** The first that fits says which tier runs a command: `tools/tests/TIER/commands.test.ts`. */
const TIER_OF: readonly (readonly [RegExp, CommandTier])[] = [
  [/^npm install /, 'packages'],
  [/^(?:npx @nodeagent\/)?ipvs |^ipvsadm /, 'kernel'],
  [/^dist\/bin\/kubelet explain-(?:pod|eviction) /, 'integration'],
  [/^kube-proxy (?:render|trace) /, 'integration'],
  [/^npx nodeagent-dev-apiserver |^kubectl --kubeconfig \.\/cluster\//, 'integration'],
  [/^csi-hostpath |^csi-controller /, 'integration'],
];

const tierOf = ({ text }: Command): CommandTier | undefined =>
  TIER_OF.find(([pattern]) => pattern.test(text))?.[1];

/** Finds the commands of the shell blocks of a page that are not marked with a reason. */
export function commandsOf(page: string, text: string): readonly Command[] {
  return shellBlocks(text).flatMap((block) =>
    block.notRun === undefined ? commandsIn(page, block) : [],
  );
}

/** Lists commands that no tier runs and no mark excuses, marks without a reason, and empty blocks. */
export function problemsOfCommands(page: string, text: string): readonly string[] {
  return shellBlocks(text).flatMap((block) => {
    const commands = commandsIn(page, block);
    const place = `${page}:${block.line}`;
    if (commands.length === 0) return [`${place}: a shell block without a command`];
    if (block.notRun === undefined) {
      return commands
        .filter((command) => tierOf(command) === undefined)
        .map(
          (command) =>
            `${command.place}: no test runs \`${command.text}\` (tools/docs/commands.ts); run it, or write <!-- not run: REASON --> above`,
        );
    }
    return block.notRun.trim() === '' ? [`${place}: "not run" without a reason`] : [];
  });
}

/** The pages whose commands are run: guides and the packages' READMEs. */
export function commandPages(): readonly string[] {
  return globSync(['docs/guides/*.md', 'packages/*/README.md'], { cwd: ROOT }).sort();
}

/** The commands that a tier runs, by page; pages without any are left out. */
export function commandsForTier(tier: CommandTier): readonly PageCommands[] {
  return commandPages()
    .map((page) => {
      const all = commandsOf(page, readFileSync(join(ROOT, page), 'utf8'));
      return { page, commands: all.filter((command) => tierOf(command) === tier) };
    })
    .filter(({ commands }) => commands.length > 0);
}

function shellBlocks(text: string): readonly Block[] {
  return blocksOf(text).filter(({ language }) => language === 'sh' || language === 'console');
}

/** A command may go on after a backslash. In `console`, lines without a prompt are output. */
function commandsIn(page: string, { language, text, line }: Block): readonly Command[] {
  const found: Command[] = [];
  let begun: Command | undefined;
  for (const [index, raw] of text.split('\n').entries()) {
    const isTyped = language === 'sh' || begun !== undefined || raw.startsWith('$ ');
    if (!isTyped || raw.trim() === '') continue;
    const typed = raw.replace(/^\$ /, '').trim();
    const place = begun?.place ?? `${page}:${line + 1 + index}`;
    const whole = begun === undefined ? typed : `${begun.text} ${typed}`;
    const isWhole = !whole.endsWith('\\');
    if (isWhole) found.push({ place, text: whole });
    begun = isWhole ? undefined : { place, text: whole.slice(0, -1).trimEnd() };
  }
  return found;
}
