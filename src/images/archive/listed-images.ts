import { dataLoss, failedPrecondition } from "../../errors/crib-error.ts";
import { digestedDocument, parseForeignJson } from "../../json/foreign-json.ts";
import { ForeignObject, parseForeignObject } from "../../json/foreign-object.ts";
import { sniffCompression } from "../../layers/decompress.ts";
import { sha256 } from "../content/sha256.ts";
import { type Descriptor, parseDescriptor } from "../pull/manifest.ts";
import type { FetchedManifest } from "../registry/repository.ts";
import type { ReceivedArchive, StoredMember } from "./received-archive.ts";

const maxImages = 1000;

/** An image of an archive, before anything of it was read but where it stands. */
export interface ListedImage {
  readonly target: Descriptor;
  /** A manifest that the archive has no file of: it was made of what the archive says. */
  readonly made: FetchedManifest | undefined;
  /** As the archive spells them. */
  readonly names: readonly string[];
  /** What a layout calls it within a repository that it does not name. */
  readonly tag: string | undefined;
}

/** The images of an OCI layout, or else those of `docker save`. @throws {CribError} when it is neither. */
export function listedImages(archive: ReceivedArchive): readonly ListedImage[] {
  const { documents } = archive;
  const index = documents.get("index.json");
  const manifest = documents.get("manifest.json");
  const images =
    index !== undefined ? ofLayout(index, documents) : manifest !== undefined ? ofDocker(manifest, archive) : undefined;
  if (images === undefined) {
    if (documents.has("repositories"))
      throw failedPrecondition("the archive is of a Docker before 1.10: save the image again with a current tool");
    throw failedPrecondition("the archive is neither an OCI layout (index.json) nor of docker save (manifest.json)");
  }
  if (images.length === 0) throw failedPrecondition("the archive lists no image");
  if (images.length > maxImages)
    throw failedPrecondition(`the archive lists ${images.length} images, over ${maxImages}`);
  return images;
}

function ofLayout(index: Uint8Array, documents: ReadonlyMap<string, Uint8Array>): readonly ListedImage[] {
  const layout = documents.get("oci-layout");
  if (layout === undefined)
    throw failedPrecondition("the archive has an index.json and no oci-layout: it is no OCI layout");
  const version = parseForeignObject(layout, "oci-layout", digestedDocument).text("imageLayoutVersion");
  if (!version.startsWith("1."))
    throw failedPrecondition(`the archive is an OCI layout of version ${JSON.stringify(version.slice(0, 40))}, not 1`);
  return parseForeignObject(index, "index.json", digestedDocument)
    .objects("manifests")
    .map((entry) => {
      const annotations = entry.object("annotations");
      const full = annotations?.textAt("io.containerd.image.name") ?? "";
      const ref = annotations?.textAt("org.opencontainers.image.ref.name") ?? "";
      // Tools write the whole name there or the tag alone: a tag has neither of the two.
      const isName = /[/:]/.test(ref);
      return {
        target: parseDescriptor(entry, "index.json"),
        made: undefined,
        names: full !== "" ? [full] : isName ? [ref] : [],
        tag: full === "" && !isName && ref !== "" ? ref : undefined,
      };
    });
}

function ofDocker(manifest: Uint8Array, archive: ReceivedArchive): readonly ListedImage[] {
  const list = parseForeignJson(manifest, "manifest.json", digestedDocument);
  if (!Array.isArray(list)) throw dataLoss("manifest.json is not a list of images");
  return list.map((value, position) => {
    const entry = new ForeignObject(value, `manifest.json[${position}]`, digestedDocument);
    const member = (name: string): StoredMember => {
      const found = archive.member(name);
      if (found === undefined)
        throw dataLoss(`the archive lists ${JSON.stringify(name.slice(0, 200))} and does not have it`);
      return found;
    };
    const config = member(entry.text("Config"));
    const layers = entry.texts("Layers").map(member);
    const made = dockerManifest(config, layers);
    return {
      target: { mediaType: made.mediaType, digest: made.digest, sizeBytes: made.bytes.length },
      made,
      names: entry.texts("RepoTags"),
      tag: undefined,
    };
  });
}

const manifestType = "application/vnd.docker.distribution.manifest.v2+json";
const layerType = "application/vnd.docker.image.rootfs.diff.tar";

/** `docker save` writes no manifest that a registry would know: this one says the same, and always in the same bytes. */
function dockerManifest(config: StoredMember, layers: readonly StoredMember[]): FetchedManifest {
  const document = {
    schemaVersion: 2,
    mediaType: manifestType,
    config: {
      mediaType: "application/vnd.docker.container.image.v1+json",
      size: config.sizeBytes,
      digest: config.digest,
    },
    layers: layers.map(({ start, sizeBytes, digest }) => {
      const compression = sniffCompression(start);
      return { mediaType: compression === "none" ? layerType : `${layerType}.${compression}`, size: sizeBytes, digest };
    }),
  };
  const bytes = new TextEncoder().encode(JSON.stringify(document));
  return { digest: sha256(bytes), mediaType: manifestType, bytes };
}
