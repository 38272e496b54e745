/** NRI marks a name as one to remove by a `-` before it. */
export function removedName(name: string): string | undefined {
  return name.startsWith("-") ? name.slice(1) : undefined;
}
