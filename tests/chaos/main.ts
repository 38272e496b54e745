import { faults } from "./faults.ts";
import { type FaultRow, faultTable, runFault } from "./run-fault.ts";

/** `npm run chaos`: every fault, the slow ones too, or those whose name has a word of the command line in it. */
const words = process.argv.slice(2);
const wanted = faults.filter(({ name }) => words.length === 0 || words.some((word) => name.includes(word)));
const rows: FaultRow[] = [];
for (const fault of wanted) rows.push(await runFault(fault));
process.stdout.write(`${faultTable(rows)}\n`);
const wrong = rows.filter(({ ended, expected }) => ended !== expected);
for (const { name, message } of wrong) process.stdout.write(`${name}: ${message}\n`);
process.stdout.write(`${rows.length - wrong.length} passed, ${wrong.length} failed\n`);
process.exit(wrong.length === 0 ? 0 : 1);
