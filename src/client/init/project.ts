/** What a project tells about itself, without running any of it. */
import { FaberError } from '../../contract/failure.js';
import { SUPPORTED, type MigrationTool } from '../../contract/settings.js';
import { tellingFiles, type ProjectFile } from './files.js';
import { findProvider, findTools, prismaSchemas, type FoundTool } from './tool.js';
import { findVariables, type FoundVariables } from './variables.js';

export interface FoundProject {
  files: ProjectFile[];
  /** More than one: the project does not tell which of them is meant. */
  tools: FoundTool[];
  variables: FoundVariables;
}

export async function lookAtProject(directory: string): Promise<FoundProject> {
  const files = await tellingFiles(directory);
  return { files, tools: findTools(files), variables: findVariables(files) };
}

/** A schema at the root is the project's, whatever packages hold. */
const AT_ROOT = /^(prisma\/)?(schema\/)?[^/]+\.prisma$/;

/**
 * The schema of a Prisma project, relative to it; null where there is none.
 * @throws FaberError invalid_request for several projects in one.
 */
export function schemaOf({ files }: FoundProject): string | null {
  const [first, ...others] = prismaSchemas(files);
  if (!first || others.length === 0 || AT_ROOT.test(first.path)) return first?.path ?? null;
  throw new FaberError({
    code: 'invalid_request',
    message: `There are several Prisma schemas: ${[first, ...others].slice(0, 10).map(({ path }) => path).join(', ')}. Nothing was written`,
    suggestions: ['Run init for the one that is meant: --working-directory DIRECTORY'],
  });
}

/** @throws FaberError unsupported for a system that no handler is for. */
export function providerOf(tool: MigrationTool, { files }: FoundProject) {
  const found = findProvider(tool, files);
  if (found === null || found.provider !== null) return found?.provider ?? null;
  throw new FaberError({
    code: 'unsupported',
    message: `The project's database is ${JSON.stringify(found.written.slice(0, 60))}, which faber-db does not run on. Nothing was written`,
    suggestions: [`Supported: ${Object.entries(SUPPORTED).flatMap(([name, tools]) => (tools.length > 0 ? [name] : [])).join(', ')}`],
  });
}
