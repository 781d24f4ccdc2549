/**
 * Versions of the sources that zone content is rendered from, by the source's name: `manifests`, or the kind of a
 * resource and its namespace. Versions of one source only grow, and compare between the pods of one cluster.
 */
export type SourceVersions = Readonly<Record<string, number>>;

/** How far a view was read. */
export interface Progress {
  /** The newest change of each source that the view holds. */
  readonly latest: SourceVersions;
  /**
   * The version of each source up to which no change is missing from the view: at least `latest`, and 0 of a kind that the
   * API server does not know. A source that is not here is none of this pod's: it watches other namespaces, or no zone
   * refers to it.
   */
  readonly seen: SourceVersions;
}

/**
 * The view holds all that another was rendered from, and something newer besides. One that is behind in a single source
 * would only bring back what was there before.
 *
 * @param than `Progress.latest` of the other view
 */
export const isNewerView = ({ latest, seen }: Progress, than: SourceVersions): boolean =>
  Object.entries(than).every(([source, version]) => (seen[source] ?? version) >= version) &&
  Object.entries(latest).some(([source, version]) => version > (than[source] ?? 0));
