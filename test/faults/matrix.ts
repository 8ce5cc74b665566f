/** Every place where an operation can be struck. */
import type { Path } from './faults.js';
import type { Release } from './scene.js';

export const POINTS: readonly { release: Release; path: Path }[] = [
  // Before anything is changed
  { release: 'applied', path: ['before-recheckPlan'] },
  { release: 'applied', path: ['before-checkHealth'] },
  { release: 'applied', path: ['before-beginChange'] },
  { release: 'applied', path: ['after-beginChange'] },
  { release: 'applied', path: ['in-dump'] },
  { release: 'applied', path: ['after-createBackup'] },
  { release: 'applied', path: ['in-restore'] },
  // The change
  { release: 'applied', path: ['before-applyMigrations'] },
  { release: 'applied', path: ['before-script'] },
  { release: 'applied', path: ['after-script'] },
  { release: 'applied', path: ['after-commit'] },
  { release: 'applied', path: ['standalone-before-script'] },
  { release: 'applied', path: ['standalone-after-script'] },
  { release: 'applied', path: ['after-applyMigrations'] },
  { release: 'applied', path: ['after-commit', 'before-checkHealth'] },
  { release: 'applied', path: ['before-endOperation'] },
  { release: 'applied', path: ['after-endOperation'] },
  // Its undo by down scripts
  { release: 'undone by downs', path: ['before-revertMigrations'] },
  { release: 'undone by downs', path: ['revert-before-commit'] },
  { release: 'undone by downs', path: ['revert-after-commit'] },
  { release: 'undone by downs', path: ['after-revertMigrations'] },
  { release: 'undone by downs', path: ['before-verifyUndone'] },
  // Its undo by restoring
  { release: 'undone by restore', path: ['before-restoreBackup'] },
  { release: 'undone by restore', path: ['after-commit', 'in-restore'] },
  { release: 'undone by restore', path: ['swap-before-renames'] },
  { release: 'undone by restore', path: ['swap-after-renames'] },
  { release: 'undone by restore', path: ['after-restoreBackup'] },
];
