/** The pipelines of examples/: they parse, and each command of ours in them is one that the command line takes. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { answerIn, cli } from '../support/cli.js';

const FOLDER = new URL('../../examples/pipelines/', import.meta.url);
const files = readdirSync(FOLDER).filter((name) => /\.(ya?ml|json)$/.test(name));
const read = (name: string): unknown => parse(readFileSync(new URL(name, FOLDER), 'utf8'));

/** Every text in a document. */
function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : [];
}

/** The words of the commands in a text, with variables filled in. */
function commandsIn(text: string): string[][] {
  return [...text.matchAll(/faber-db ([^`\n]+)/g)].map(([, rest = '']) =>
    rest.replaceAll('"$FABER_DB_CHECKOUT"', '/srv/checkout/shop').replaceAll(/\$\w+|\{\w+\}/g, 'a1').replaceAll('"', '').trim().split(/\s+/),
  );
}

describe('the pipelines of examples/', () => {
  it('are the three that the README names', () => {
    const readme = readFileSync(new URL('README.md', FOLDER), 'utf8');
    for (const name of files) expect(readme).toContain(`](${name})`);
    expect(files).toHaveLength(3);
  });

  it.concurrent.each(files)('%s parses, and the command line takes each command in it', async (name) => {
    const commands = textsIn(read(name)).flatMap(commandsIn);
    expect(commands.length).toBeGreaterThanOrEqual(2);
    // A command that is taken looks for its server; a wrong one is answered before.
    const answers = await Promise.all(commands.map(async (words) => answerIn(await cli(words, { env: { TEMPORAL_ADDRESS: '127.0.0.1:1' } }))));
    expect(answers).toMatchObject(commands.map(([, operation]) => ({ code: 'temporal_unavailable', operation })));
  });

  it('the jobs of a CI have what they need to run', () => {
    const github = read('github-actions.yml') as { jobs: { database: { env: Record<string, string>; steps: { run?: string }[] } } };
    const used = github.jobs.database.steps.flatMap(({ run }) => [...(run ?? '').matchAll(/\$(\w+)/g)].map(([, name]) => name!));
    for (const name of used) expect(Object.keys(github.jobs.database.env)).toContain(name);
    const gitlab = read('gitlab-ci.yml') as { stages: string[] };
    const jobs = (Object.values(gitlab) as { stage?: string; script?: string[] }[]).filter((job) => Array.isArray(job.script));
    expect(jobs.map((job) => job.stage)).toEqual(gitlab.stages);
  });
});
