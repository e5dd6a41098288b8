import {
  type Application,
  Converter,
  DefaultTheme,
  DocumentReflection,
  JSX,
  type NavigationElement,
  ParameterReflection,
  type ProjectReflection,
  type Reflection,
  ReflectionKind,
  StructureRouter,
} from 'typedoc';

const LAST_WORD = /[A-Z][a-z]+$/;
const GUIDES = 'Guides';
const PACKAGES = 'Packages';

/** The source of each page, below docs/ and without its extension. */
const sources = new WeakMap<object, string>();

/** A parameter that is taken apart in its declaration has no name there; its type gives it one. */
export function nameParameters(app: Application): void {
  app.converter.on(Converter.EVENT_RESOLVE_END, ({ project }) => {
    for (const parameter of project.getReflectionsByKind(ReflectionKind.Parameter)) {
      if (!(parameter instanceof ParameterReflection)) continue;
      if (parameter.name !== '__namedParameters') continue;
      const { type } = parameter;
      const [word = 'options'] =
        (type?.type === 'reference' ? type.name : '').match(LAST_WORD) ?? [];
      parameter.name = word.toLowerCase();
    }
  });
}

/** Names each page of docs/ by its first heading; the file's name says less. */
export function nameDocuments(app: Application): void {
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    for (const document of project.documents ?? []) {
      const path = project.files.getReflectionPath(document) ?? document.name;
      sources.set(document, path.replace(/^.*\/docs\//, '').replace(/\.md$/, ''));
      const text = document.content.map((part) => part.text).join('');
      const [, title] = /^# (.+)$/m.exec(text) ?? [];
      if (title !== undefined) document.name = title;
    }
  });
}

/** The navigation's first level is open until a reader closes it; TypeDoc's script keeps that per browser. */
export function openNavigation(app: Application): void {
  const keys = [GUIDES, PACKAGES].map((group) => `tsd-accordion-${group}`);
  const html = `for (const key of ${JSON.stringify(keys)}) localStorage.getItem(key) ?? localStorage.setItem(key, 'true');`;
  app.renderer.hooks.on('head.end', () =>
    JSX.createElement(
      'script',
      null,
      JSX.createElement(JSX.Raw, { html: `try { ${html} } catch { /* no storage */ }` }),
    ),
  );
}

/** Pages have the paths that people know: `guides/…`, and `cri-client/logs` for an import name. */
export class SiteRouter extends StructureRouter {
  protected override getIdealBaseName(target: Reflection): string {
    if (target instanceof DocumentReflection) return sources.get(target) ?? target.name;
    return `api/${super.getIdealBaseName(target).replace(/^_nodeagent\//, '')}`;
  }
}

/** TypeDoc's own theme with a navigation by guide, by page of docs/ and by package. */
export class SiteTheme extends DefaultTheme {
  override buildNavigation(project: ProjectReflection): NavigationElement[] {
    const documents = project.documents ?? [];
    const below = (folder: string): NavigationElement[] =>
      documents
        .filter((document) => folderOf(document) === folder)
        .map((document) => this.#link(document, document.name));
    return [
      { text: GUIDES, children: below('guides') },
      { text: PACKAGES, children: this.#packages(project) },
      {
        text: 'About the project',
        children: [...below(''), { text: 'Decisions', children: below('decisions') }],
      },
    ];
  }

  /** A package, its further entries below it, and below each what it exports. */
  #packages(project: ProjectReflection): NavigationElement[] {
    const packages: NavigationElement[] = [];
    for (const module of project.children ?? []) {
      const [, name = '', ...subpath] = module.name.split('/');
      const members = (module.children ?? []).map((child) => this.#link(child, child.name));
      const text = subpath.length === 0 ? name : `/${subpath.join('/')}`;
      const element = { ...this.#link(module, text), children: members };
      if (subpath.length === 0) packages.push(element);
      else packages.at(-1)?.children?.unshift(element);
    }
    return packages;
  }

  #link(
    target:
      ProjectReflection | DocumentReflection | NonNullable<ProjectReflection['children']>[number],
    text: string,
  ): NavigationElement {
    return { text, path: this.router.getFullUrl(target), kind: target.kind };
  }
}

function folderOf(document: DocumentReflection): string {
  const source = sources.get(document) ?? '';
  return source.includes('/') ? source.slice(0, source.indexOf('/')) : '';
}
