import { expect, it } from 'vitest';
import { RowCounter } from '../../../../src/handlers/backup/dump/mysql/count-rows.js';

const DUMP = [
  'CREATE TABLE `a` (', '  `id` int(11) COMMENT \'INSERT INTO `a` VALUES (1);\'', ');',
  "INSERT INTO `a` VALUES (1,'it\\'s (;) \\\\'),(2,NULL),(3,'\\nINSERT INTO `b` VALUES (1);');",
  "INSERT INTO `a` VALUES (4,'');",
  'INSERT INTO `odd``name é` VALUES', '(0x2828),', "(_binary '(\\0');",
  'DELIMITER ;;', 'CREATE TRIGGER t AFTER INSERT ON a FOR EACH ROW BEGIN', 'INSERT INTO `b` VALUES (1);', 'END ;;', 'DELIMITER ;',
  'INSERT INTO `c` VALUES (1);', '',
].join('\n');

it('counts rows however the bytes come', () => {
  for (const size of [1, 7, 100_000]) {
    const counter = new RowCounter();
    const bytes = Buffer.from(DUMP);
    for (let at = 0; at < bytes.length; at += size) counter.take(bytes.subarray(at, at + size));
    expect(Object.fromEntries(counter.rows)).toEqual({ a: 4, 'odd`name é': 2, c: 1 });
  }
});
