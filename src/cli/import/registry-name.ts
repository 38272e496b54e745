/** What a directory below certs.d may be called; "*" is every registry without one. */
export function registryName(host: string): string | undefined {
  if (host === "*") return "_default";
  return /^[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?(?::[0-9]{1,5})?$/.test(host) ? host : undefined;
}
