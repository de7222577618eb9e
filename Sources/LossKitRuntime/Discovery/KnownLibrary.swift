/// A usable library: what it offers is known, and it is opened when something from it is requested.
struct KnownLibrary: Sendable {
  let path: String
  /// The file; nil for functions of the running program.
  let identity: FileIdentity?
  let offers: LibraryOffers
  /// The library, if it is open already.
  let opened: PluginLibrary?

  init(_ path: String, _ identity: FileIdentity, _ offers: LibraryOffers) {
    (self.path, self.identity, self.offers, opened) = (path, identity, offers, nil)
  }

  init(_ library: PluginLibrary) {
    (path, identity, offers, opened) = (library.path, library.identity, library.offers, library)
  }
}
