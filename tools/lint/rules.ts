import type { Rule } from 'eslint';

import { findCycle, judgeImport } from './arrows.ts';
import { type Modules, parseModule } from './modules.ts';
import { cwdRoot, noAmbient } from './no-ambient.ts';
import { plainComments } from './plain-comments.ts';
import { openWorkspace } from './workspace.ts';

/** Opens the modules of the checkout that a file belongs to. */
type Open = (root: string) => Modules;

/**
 * The rule `house/arrows`: every import follows tools/lint/roles.ts and closes no cycle. Files
 * other than the linted one are read once per process; an editor sees their changes after its
 * ESLint restarts.
 */
export function createArrowsRule(open: Open): Rule.RuleModule {
  return {
    meta: {
      type: 'problem',
      schema: [],
      messages: {
        refused: '{{problem}} (tools/lint/roles.ts; docs/architecture.md, "Folder roles").',
        cycle: 'This import closes a cycle: {{way}}.',
      },
    },
    create: (context) => ({
      Program: () => {
        const root = cwdRoot(context.filename, context.cwd);
        const path = context.filename.slice(root.length + 1);
        const modules = open(root);
        for (const given of parseModule(context.sourceCode.text).imports) {
          const loc = {
            start: context.sourceCode.getLocFromIndex(given.start),
            end: context.sourceCode.getLocFromIndex(given.end),
          };
          const problem = judgeImport(path, given, modules);
          if (problem !== undefined)
            context.report({ loc, messageId: 'refused', data: { problem } });
          const to = given.specifier.startsWith('.')
            ? modules.resolve(path, given.specifier)
            : undefined;
          const cycle = to === undefined ? undefined : findCycle(path, to, modules);
          if (cycle === undefined) continue;
          context.report({ loc, messageId: 'cycle', data: { way: cycle.join(' → ') } });
        }
      },
    }),
  };
}

const opened = new Map<string, Modules>();

function openOnce(root: string): Modules {
  const modules = opened.get(root) ?? openWorkspace(root).modules;
  opened.set(root, modules);
  return modules;
}

/** The project's own rules, for eslint.config.mjs. */
export const houseRules = {
  arrows: createArrowsRule(openOnce),
  'no-ambient': noAmbient,
  'plain-comments': plainComments,
};
