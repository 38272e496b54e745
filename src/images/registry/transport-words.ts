const hints: Readonly<Record<string, string>> = {
  ConnectionRefused: "connection refused",
  ECONNREFUSED: "connection refused",
  FailedToOpenSocket: "cannot connect",
  ECONNRESET: "connection reset",
  ConnectionClosed: "connection closed before the answer was whole",
  ETIMEDOUT: "connection timed out",
  Timeout: "connection timed out",
  EHOSTUNREACH: "no route to the host",
  ENETUNREACH: "no route to the network",
  EPIPE: "connection closed",
  ENOTFOUND: "host name does not resolve",
  EAI_AGAIN: "host name does not resolve at the moment",
  DNSLookupFailed: "host name does not resolve",
  InvalidHTTPResponse: "the answer is not HTTP",
  Malformed_HTTP_Response: "the answer is not HTTP",
  ERR_TLS_CERT_ALTNAME_INVALID: "certificate is for another host name",
  CERT_HAS_EXPIRED: "certificate has expired",
  DEPTH_ZERO_SELF_SIGNED_CERT: "self-signed certificate; name its authority as ca in hosts.toml",
  SELF_SIGNED_CERT_IN_CHAIN: "certificate of an unknown authority; name it as ca in hosts.toml",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "certificate of an unknown authority; name it as ca in hosts.toml",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "certificate of an unknown authority; name it as ca in hosts.toml",
};

/** What a failed connection is to a person. Bun's own words go to programmers: "pass `verbose: true` in the second argument…". */
export function transportWords(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  const known = hints[code];
  if (known !== undefined) return known;
  const plain = error.message
    .replace(/\s*(?:For more information,|Is the computer able).*$/s, "")
    .replace(/[.\s]+$/, "");
  return plain || code || "the connection failed";
}
