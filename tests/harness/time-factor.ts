/**
 * How much longer everything may take than on a machine of its own: `CRIB_TEST_TIME_FACTOR`, 1 unless an emulator sets it.
 */
export function timeFactor(): number {
  const factor = Number(process.env.CRIB_TEST_TIME_FACTOR ?? 1);
  if (!(factor >= 1)) throw new Error(`CRIB_TEST_TIME_FACTOR=${process.env.CRIB_TEST_TIME_FACTOR}: must be 1 or more`);
  return factor;
}
