import type { Image } from "../../images/port.ts";
import { parseReference, repositoryName } from "../../images/registry/reference.ts";
import type { RequestedImage } from "../../spec/requested-image.ts";

/** What a container's status calls its image; kept with the container, since names of images come and go. */
export interface ImageNames {
  /** As the pod's author wrote it, where that is known; else a name the image has. */
  readonly reference: string;
  /** "docker.io/library/busybox@sha256:…": what a registry knows the image by. Undefined for one that no registry gave. */
  readonly repoDigest: string | undefined;
}

/**
 * The kubelet creates containers by the image's id, and shows the pod's `image` and `imageID` from these: scanners, audits and
 * controllers look for the registry's digest there.
 */
export function imageNames(image: Image, spec: RequestedImage | undefined): ImageNames {
  const asked = spec?.image ?? "";
  const byId = asked === "" || isIdOf(image, asked);
  const reference =
    spec?.userSpecifiedImage || (byId ? (image.repoTags[0] ?? image.repoDigests[0] ?? image.id) : asked);
  return { reference, repoDigest: repoDigest(image.repoDigests, reference) };
}

function isIdOf(image: Image, text: string): boolean {
  return (
    image.id === text ||
    image.id.startsWith(`sha256:${text}`) ||
    (text.startsWith("sha256:") && image.id.startsWith(text))
  );
}

/** That of the repository the image was asked for in, and of no other while there is one: mirrors and copies share an id. */
function repoDigest(digests: readonly string[], reference: string): string | undefined {
  const repository = repositoryOf(reference);
  const exact = digests.find((digest) => repository !== undefined && digest === repository.exact);
  return (
    exact ??
    digests.find((digest) => repository !== undefined && digest.startsWith(`${repository.name}@`)) ??
    digests[0]
  );
}

function repositoryOf(reference: string): { readonly name: string; readonly exact: string | undefined } | undefined {
  try {
    const parsed = parseReference(reference);
    const name = repositoryName(parsed);
    return { name, exact: parsed.digest === undefined ? undefined : `${name}@${parsed.digest}` };
  } catch {
    // An id, or a name for people: then any digest is as good.
    return undefined;
  }
}
