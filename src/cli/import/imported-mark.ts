/** The first line of each file that an import writes. One that has it may be replaced by the next import, and removed. */
export const importedMark = "# Written by `crib config import`: the next one replaces it.";
