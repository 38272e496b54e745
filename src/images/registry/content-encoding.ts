import { Readable } from "node:stream";
import { createGunzip, createInflate, createZstdDecompress } from "node:zlib";
import { CribError, unavailable } from "../../errors/crib-error.ts";

export type ContentEncoding = "gzip" | "deflate" | "zstd";

const encodings: Readonly<Record<string, ContentEncoding | undefined>> = {
  gzip: "gzip",
  "x-gzip": "gzip",
  deflate: "deflate",
  zstd: "zstd",
};

/**
 * How the bytes of an answer are wrapped; undefined when they are as they should be. Nobody asked for it, but caches and static
 * servers do it all the same, and the digest is of what is inside.
 * @throws {CribError} unavailable for an encoding that crib does not know.
 */
export function contentEncoding(response: Response): ContentEncoding | undefined {
  const stated = (response.headers.get("content-encoding") ?? "").trim().toLowerCase();
  if (stated === "" || stated === "identity") return undefined;
  const known = encodings[stated];
  if (known === undefined)
    throw unavailable(`the server answers with content encoding ${JSON.stringify(stated.slice(0, 40))}`);
  return known;
}

/** Unwraps a body. @throws {CribError} data-loss when it does not decompress, and whatever `raw` throws. */
export async function* decodePieces(
  raw: AsyncGenerator<Uint8Array>,
  encoding: ContentEncoding,
): AsyncGenerator<Uint8Array> {
  const decoder = encoding === "gzip" ? createGunzip() : encoding === "zstd" ? createZstdDecompress() : createInflate();
  const source = Readable.from(raw, { objectMode: true, highWaterMark: 1 });
  source.on("error", (error) => decoder.destroy(error));
  // The loop below gets the first failure; one that comes during the teardown has no reader.
  decoder.on("error", () => undefined);
  source.pipe(decoder);
  try {
    for await (const piece of decoder) yield piece as Uint8Array;
  } catch (error) {
    if (CribError.is(error) || !(error instanceof Error) || !("code" in error)) throw error;
    throw new CribError("data-loss", `the ${encoding} encoding of an answer is damaged: ${error.message}`, {
      cause: error,
    });
  } finally {
    source.destroy();
    decoder.destroy();
  }
}
