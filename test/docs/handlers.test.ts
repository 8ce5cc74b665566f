/** docs/handlers.md shows the code of the worked example as it is. `npx vitest run test/docs -u` writes it anew. */
import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';

const PAGE = new URL('../../docs/handlers.md', import.meta.url);
const CODE = new URL('../conformance/worked-example/dbmate.ts', import.meta.url);

it('shows the code that passes the conformance suite', async () => {
  const code = await readFile(CODE, 'utf8');
  const text = await readFile(PAGE, 'utf8');
  const shown: string[] = [];
  const made = text.replace(/(<!-- code: ([a-z]+) -->\n)[\s\S]*?(<!-- end -->)/g, (_all, begin: string, name: string, end: string) => {
    const part = new RegExp(`^ *// <${name}>\\n([\\s\\S]*?)^ *// </${name}>\\n`, 'm').exec(code)?.[1] ?? '';
    shown.push(part);
    return `${begin}\n\`\`\`ts\n${part.replaceAll(/^ {2}/gm, '')}\`\`\`\n\n${end}`;
  });
  expect(shown.map((part) => part.length > 500)).toEqual([true, true, true]);
  await expect(made).toMatchFileSnapshot(PAGE.pathname);
});
