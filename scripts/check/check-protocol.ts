/**
 * Daemons and monitors of different ages speak to each other, so a number on the wire never changes its meaning. C and TypeScript have
 * it from one table, ffi/numbers.json. A new kind of frame or step is a line there; a line that is there stays.
 */
import { readNumberTable, repeatedNumbers } from "../build/numbers/number-table.ts";
import { staleNumbers } from "../build/numbers/numbers.ts";

const wrong = [
  ...repeatedNumbers(readNumberTable()),
  ...staleNumbers().map((path) => `${path} is not what ffi/numbers.json says: run npm run gen and commit it`),
];
for (const line of wrong) process.stderr.write(`${line}\n`);
process.exitCode = wrong.length === 0 ? 0 : 1;
