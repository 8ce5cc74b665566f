/** What the project does not tell is asked, or taken as usual, or missing. */
import { FaberError } from '../../contract/failure.js';
import { MigrationTool, Provider } from '../../contract/settings.js';
import type { InitialConfig } from './config.js';
import { lookAtProject, providerOf, schemaOf } from './project.js';
import { findMigrations } from './tool.js';
import { conventionalVariable, plainVariable, variableNaming, type FoundVariables } from './variables.js';

export interface Given {
  tool?: MigrationTool;
  provider?: Provider;
  environments?: string[];
}

/** Asks a person; an empty answer means the default. Null: there is nobody to ask. */
export type Question = ((question: string) => Promise<string>) | null;

export interface Answers extends InitialConfig {
  /** What was found where, for people. */
  found: string;
  schema: string | null;
}

const USUAL_ENVIRONMENTS = ['dev', 'staging', 'production'];
const ENVIRONMENT = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/;

/**
 * @param ask null where nobody can be asked
 * @param defaults take the usual where the project says nothing
 * @throws FaberError invalid_request, naming what is missing and the option that says it; unsupported.
 */
export async function answersFor(directory: string, given: Given, ask: Question, defaults: boolean): Promise<Answers> {
  const project = await lookAtProject(directory);
  const tool = given.tool ?? (project.tools.length === 1 ? project.tools[0]!.tool : await choose(ask, defaults, {
    what: 'the migration tool', option: '--tool', choices: MigrationTool.options,
    usual: project.tools[0]?.tool ?? 'prisma', found: project.tools.map((one) => `${one.tool} (${one.because})`),
  }));
  const schema = tool === 'prisma' ? schemaOf(project) : null;
  const provider = given.provider ?? providerOf(tool, project) ?? (await choose<Provider>(ask, defaults, {
    what: 'the database system', option: '--provider', choices: Provider.options, usual: 'postgresql', found: [],
  }));
  const names = given.environments ?? (ask ? listed(await ask(`Environments? [${USUAL_ENVIRONMENTS.join(', ')}] `)) : USUAL_ENVIRONMENTS);
  const environments = requireNames(names.length > 0 ? names : USUAL_ENVIRONMENTS);
  const because = schema ?? project.tools.find((one) => one.tool === tool)?.because;
  return {
    tool, provider, schema,
    found: `${tool} on ${provider}${because === undefined ? '' : `, by ${because}`}`,
    migrations: findMigrations(tool, project.files),
    environments: await variablesOf(environments, project.variables, ask),
  };
}

const listed = (text: string) => text.split(/[\s,]+/).filter(Boolean);

function requireNames(names: readonly string[]): string[] {
  const wrong = names.find((name) => !ENVIRONMENT.test(name));
  if (wrong === undefined) return [...new Set(names)];
  throw new FaberError({ code: 'invalid_request', message: `'${wrong.slice(0, 60)}' is no name of an environment`, suggestions: ['Letters, digits, dot, dash and underscore, for example: --environments dev,staging,production'] });
}

/** A variable that names an environment is its own; the one that names none is that of the first environment for development. */
async function variablesOf(environments: readonly string[], { names, direct }: FoundVariables, ask: Question): Promise<InitialConfig['environments']> {
  const plain = plainVariable(names);
  const first = environments.find((name) => /^(dev|development|local)$/.test(name)) ?? environments[0];
  const result: InitialConfig['environments'] = [];
  for (const name of environments) {
    const found = variableNaming(name, names) ?? (name === first ? plain : undefined);
    const around = variableNaming(name, direct) ?? (name === first && found === plain ? plainVariable(direct) : undefined);
    const variable = found ?? (await askVariable(name, ask));
    result.push({ name, variable, ...(around ? { direct: around } : {}) });
  }
  return result;
}

async function askVariable(environment: string, ask: Question): Promise<string> {
  const usual = conventionalVariable(environment);
  if (ask === null) return usual;
  return repeat(async (again) => {
    const answer = (await ask(`${again}Name of the variable with the URL of ${environment}'s database? [${usual}] `)) || usual;
    return VARIABLE.test(answer) ? answer : null;
  }, 'the name of an environment variable, never a URL');
}

interface Choice<T extends string> { what: string; option: string; choices: readonly T[]; usual: T; found: string[] }

async function choose<T extends string>(ask: Question, defaults: boolean, { what, option, choices, usual, found }: Choice<T>): Promise<T> {
  if (defaults) return usual;
  if (ask !== null) {
    const seen = found.length > 0 ? `, found: ${found.join(', ')}` : '';
    return repeat(async (again) => {
      const answer = (await ask(`${again}Which is ${what} (${choices.join(', ')}${seen})? [${usual}] `)) || usual;
      return choices.find((choice) => choice === answer) ?? null;
    }, `one of ${choices.join(', ')}`);
  }
  throw new FaberError({
    code: 'invalid_request',
    message: found.length > 0 ? `The project does not tell ${what}: it has ${found.join(' and ')}. Nothing was written` : `The project does not tell ${what}, and nobody can be asked here. Nothing was written`,
    suggestions: [`Say it: ${option} ${choices.join('|')}`, 'Or take the defaults: --yes', 'Or check --working-directory'],
  });
}

const TRIES = 3;

async function repeat<T>(question: (again: string) => Promise<T | null>, wanted: string): Promise<T> {
  for (let tried = 0; tried < TRIES; tried++) {
    const answer = await question(tried === 0 ? '' : `It must be ${wanted}. `);
    if (answer !== null) return answer;
  }
  throw new FaberError({ code: 'invalid_request', message: `The answer must be ${wanted}. Nothing was written`, suggestions: ['Start again, or give it as an option (--help shows them)'] });
}
