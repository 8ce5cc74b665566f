/** How a project of such a tool is seeded: by the tool's own command, where it has seeds. */
import { relative } from 'node:path';
import type { Settings } from '../../../contract/settings.js';
import type { SeedCommand } from '../../seed/contract.js';
import { describeProject } from './project.js';
import type { ProgramToolFacts } from './tool.js';

export async function seedCommand(tool: ProgramToolFacts, settings: Settings): Promise<SeedCommand | null> {
  if (tool.seedCommand === null) return null;
  const { seeds, configFiles, part } = await describeProject(tool, settings);
  const [config] = configFiles;
  if (seeds === null || config === undefined) return null;
  const shown = relative(settings.working_directory, config);
  return { command: tool.seedCommand(shown.replaceAll(' ', '\\ '), part), source: shown };
}
