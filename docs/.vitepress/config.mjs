// The documentation as a site: `npm run docs`. The pages are docs/*.md, as GitHub shows them too.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitepress';
import { repository, slug } from '../../scripts/lib/markdown.mjs';

const docs = fileURLToPath(new URL('..', import.meta.url));

/** The order of the pages. One that is named nowhere stands under Reference. */
const GROUPS = {
  Start: ['CHAT', 'FIRST-SERVICE', 'FROM-COMETD', 'FROM-FAYE', 'FROM-POE'],
  Guides: ['CLIENTS', 'PACKAGE', 'LOGIN', 'ROOMS', 'REACT', 'BACKENDS', 'DEPLOY', 'OPERATIONS'],
  Reference: ['OPTIONS', 'APPLICATION', 'HOOKS', 'ACCESS', 'API', 'API-REFERENCE', 'METRICS', 'HISTORY', 'PRESENCE', 'WIRE', 'ERRORS', 'LOGS', 'CLI', 'COMMANDS'],
  Explanation: ['ARCHITECTURE', 'TREES', 'DURABILITY', 'SCALE', 'LIMITS', 'LINKS', 'COMPARISON'],
};

const named = new Set(Object.values(GROUPS).flat());
const others = readdirSync(docs)
  .filter((file) => /^[A-Z0-9-]+\.md$/.test(file))
  .map((file) => file.replace('.md', ''))
  .filter((page) => !named.has(page));

const title = (page) => /^# (.+)$/m.exec(readFileSync(`${docs}/${page}.md`, 'utf8'))[1].replaceAll('`', '');

const sidebar = Object.entries({ ...GROUPS, Reference: [...GROUPS.Reference, ...others] }).map(([text, pages]) => ({
  text,
  items: pages.filter((page) => existsSync(`${docs}/${page}.md`)).map((page) => ({ text: title(page), link: `/${page}` })),
}));

export default defineConfig({
  title: 'bayeux-edge',
  description: 'A Bayeux (CometD) publish/subscribe server for Cloudflare Workers',
  lang: 'en',
  outDir: '../build/docs',
  cacheDir: '../build/docs-cache',
  cleanUrls: true,
  themeConfig: {
    search: { provider: 'local' },
    sidebar,
    outline: [2, 3],
    socialLinks: [{ icon: 'github', link: repository }],
  },
  markdown: { anchor: { slugify: slug }, config: leadOut },
});

/** What stands outside docs/ is on GitHub. */
function leadOut(md) {
  md.core.ruler.push('lead-out', ({ tokens }) => {
    const links = tokens.flatMap(({ children }) => children ?? []).filter(({ type }) => type === 'link_open');
    for (const link of links) {
      const href = link.attrGet('href');
      if (href.startsWith('../')) link.attrSet('href', `${repository}/blob/main/${href.slice(3)}`);
    }
  });
}
