/** An image as a request names it: the container's, or that of a volume. */
export interface RequestedImage {
  /** A reference or an id; "" in a message without one, which no request gets through with. */
  readonly image: string;
  readonly annotations: Readonly<Record<string, string>>;
  /** What the pod's author wrote, where the kubelet sends an id in `image`; "": not told. */
  readonly userSpecifiedImage: string;
  readonly runtimeHandler: string;
  /** The id of a volume's image; filled in when the container is made. */
  readonly imageRef: string;
}
