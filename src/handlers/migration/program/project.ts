/** Reads a project through its own tool: config, order, names, and which migration wants no transaction. Connects to nothing. */
import { readFile, realpath } from 'node:fs/promises';
import { relative, sep } from 'node:path';
import { FaberError } from '../../../contract/failure.js';
import { MigrationName } from '../../../contract/operation.js';
import type { Settings } from '../../../contract/settings.js';
import { requireAllowed } from '../../allowed-roots.js';
import { redactor } from '../../redact.js';
import { maskedTail } from '../../seed/mask-output.js';
import type { Migration, ProgramFile, Project } from '../contract.js';
import { programEnvironment } from './environment.js';
import type { Described } from './messages.js';
import { runProgram } from './process.js';
import { placeOf, sha256 } from './session.js';
import type { ProgramToolFacts } from './tool.js';

/** Loading hundreds of TypeScript files takes seconds. */
const TIMEOUT_SECONDS = 120;

/** @throws FaberError plan_failed (unreadable), unsupported (version), invalid_request and config_invalid (outside the roots). */
export async function readProject(tool: ProgramToolFacts, settings: Settings, variables: NodeJS.ProcessEnv = process.env): Promise<Project> {
  const project = await describeProject(tool, settings, variables);
  const configFiles = await readFiles(settings, project.configFiles, variables);
  const migrations: Migration[] = [];
  for (const { name, file, transactional, hasDown } of project.migrations) {
    if (!MigrationName.safeParse(name).success) throw refused(`${JSON.stringify(name)} cannot be the name of a migration.`);
    const [own] = await readFiles(settings, [file], variables);
    const up = await readFile(file);
    migrations.push({
      name, up, down: hasDown ? up : null, file: own!.path,
      program: { transaction: transactional ? 'transactional' : 'standalone', files: [own!, ...configFiles], tried: null },
    });
  }
  const warnings = [...project.warnings];
  if (migrations.length === 0) warnings.push('The project holds no migration.');
  return { migrations, tool: project.tool, warnings };
}

/** What the tool says of the project. @throws as `readProject` */
export async function describeProject(tool: ProgramToolFacts, settings: Settings, variables: NodeJS.ProcessEnv = process.env): Promise<Described> {
  await requireAllowed(settings.working_directory, 'working_directory', 'invalid_request', variables);
  if (settings.migrations.config_file !== undefined) await requireAllowed(settings.migrations.config_file, 'migrations.config_file', 'config_invalid', variables);
  const { env, secrets } = programEnvironment(settings, null, 'faber-db read project', variables);
  const end = await runProgram({
    begin: { tool: tool.name, provider: settings.provider, place: placeOf(settings, 'public'), job: { kind: 'describe' }, sessionName: 'faber-db read project' },
    env, signal: AbortSignal.timeout(TIMEOUT_SECONDS * 1000), timeoutSeconds: TIMEOUT_SECONDS, visit: async () => {},
  });
  if (end.project !== null && end.word?.kind === 'done') {
    requireLedger(end.project, settings, tool);
    return end.project;
  }
  const redact = redactor(secrets);
  if (end.word?.kind === 'unusable') throw refused(end.word.message, end.word.suggestions);
  const thrown = end.word?.kind === 'failed' ? `${end.word.thrown.name}: ${end.word.thrown.message}` : `its process ended (${end.exit})${end.output === '' ? '' : `: ${end.output}`}`;
  throw refused(`The project of ${tool.title} cannot be loaded: ${maskedTail(redact(thrown))}.`, [
    `Its config and migrations see PATH, HOME, TMPDIR, LANG, TZ, NODE_ENV and the URL in ${settings.connection_string_env} and DATABASE_URL: name more in migrations.variables`,
  ]);
}

/** The ledger is read where the faber-db config says it is. */
function requireLedger({ ledger }: Described, { migrations }: Settings, tool: ProgramToolFacts): void {
  if (ledger.table !== migrations.table) {
    throw refused(`The config of ${tool.title} keeps its ledger in the table ${ledger.table}, that of faber-db says ${migrations.table}.`, [`Set migrations.table in the faber-db config: "${ledger.table}"`]);
  }
  if (ledger.schema === null || ledger.schema === 'public') return;
  throw new FaberError({ code: 'unsupported', message: `The config of ${tool.title} keeps its ledger in the schema ${ledger.schema}; faber-db reads it where the URL's own schema is. Nothing was changed.`, suggestions: [`Add ?schema=${ledger.schema} to the URL of the environment`] });
}

/** A link must not make the worker read or run what is not the project's. */
async function readFiles({ working_directory: root }: Settings, files: readonly string[], variables: NodeJS.ProcessEnv): Promise<ProgramFile[]> {
  const inside = (await realpath(root)) + sep;
  const read: ProgramFile[] = [];
  for (const file of files) {
    await requireAllowed(file, 'A file of the migrations', 'config_invalid', variables);
    const real = await realpath(file).catch(() => null);
    if (real === null) throw refused(`${relative(root, file)} cannot be read.`);
    if (!real.startsWith(inside)) throw refused(`${relative(root, file)} lies, or leads, outside of the project.`);
    read.push({ path: relative(root, file), sha256: sha256(await readFile(real)) });
  }
  return read;
}

function refused(message: string, suggestions: string[] = []): FaberError {
  return new FaberError({ code: 'plan_failed', message: `${message} Nothing was changed.`, suggestions });
}
