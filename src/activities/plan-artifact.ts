/**
 * The plan's bytes, kept in the store under their sha256 when the plan is made. Apply sends only bytes from here, so that
 * editing or deleting the checkout during the wait changes nothing (design, section 3).
 */
import { createHash } from 'node:crypto';
import { FaberError } from '../contract/failure.js';
import type { PlanCore } from '../contract/plan.js';
import type { Request } from '../contract/operation.js';
import type { Store } from '../handlers/backup/contract.js';
import type { Migration, ProgramFacts } from '../handlers/migration/contract.js';

export interface PlanArtifact {
  version: 1;
  request: Request;
  core: PlanCore;
  plan_hash: string;
  /** Every migration of the project, not only the pending ones: planning again must see what the first plan saw. */
  migrations: Migration[];
}

/** Whose plan an artifact is, as far as it can be read; for retention, which must not take those of others. */
export async function ownerOf(store: Store, sha256: string): Promise<{ environment: string; identity: string } | null> {
  try {
    const { core } = await loadArtifact(store, sha256);
    return { environment: core.environment, identity: core.target.identity };
  } catch {
    return null;
  }
}

interface Stored extends Omit<PlanArtifact, 'migrations'> {
  migrations: { name: string; file: string; up: string; down: string | null; program?: ProgramFacts }[];
}

const toBase64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
const fromBase64 = (text: string): Uint8Array => Buffer.from(text, 'base64');

/**
 * @param noteNeed called with its name before it is there: an old copy of it could be taken by retention otherwise
 * @returns the sha256 (hex) that names the artifact
 */
export async function saveArtifact(store: Store, artifact: PlanArtifact, noteNeed: (sha256: string) => Promise<void>): Promise<string> {
  const stored: Stored = {
    ...artifact,
    migrations: artifact.migrations.map((m) => ({ name: m.name, file: m.file, up: toBase64(m.up), down: m.down === null ? null : toBase64(m.down), ...(m.program ? { program: m.program } : {}) })),
  };
  const bytes = Buffer.from(JSON.stringify(stored));
  await noteNeed(createHash('sha256').update(bytes).digest('hex'));
  return store.putArtifact(bytes);
}

/** @throws FaberError store_unavailable */
export async function loadArtifact(store: Store, sha256: string): Promise<PlanArtifact> {
  const stored = JSON.parse(Buffer.from(await store.getArtifact(sha256)).toString('utf8')) as Stored;
  if (stored.version !== 1) throw new FaberError({ code: 'store_unavailable', message: 'The plan artifact was written by another release of faber-db' });
  return {
    ...stored,
    migrations: stored.migrations.map((m) => ({ name: m.name, file: m.file, up: fromBase64(m.up), down: m.down === null ? null : fromBase64(m.down), ...(m.program ? { program: m.program } : {}) })),
  };
}
