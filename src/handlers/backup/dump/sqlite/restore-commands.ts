/** The way to restore without faber-db, printed into every manifest. */
import { shellWord } from '../../../../contract/shell-word.js';

const CHECK = `import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute("PRAGMA integrity_check").fetchone()[0])`;

/**
 * Shell commands that restore beside the database, as we do. Whoever puts the file in its place stops the application first, and
 * moves the old one away together with its -wal.
 * @param dump a shell command that writes the unpacked dump to stdout
 */
export function restoreCommands(file: string, dump: string): string[] {
  const restored = shellWord(`${file}.restored`);
  return [
    `${dump} > ${restored}`,
    `if command -v sqlite3 >/dev/null; then sqlite3 ${restored} "PRAGMA integrity_check"; else python3 -c ${shellWord(CHECK)} ${restored}; fi`,
  ];
}
