#if os(Linux)
  import LossKit

  /// A library whose every table that the system's loader reads was found sound.
  ///
  /// The loader trusts the file: an offset that leads outside of it, or a function that is not in its code, ends the
  /// program, and not only the attempt. What code does when it runs cannot be checked.
  struct ELFLibrary {
    let symbols: ELFSymbols

    /// Checks a file. Throws for one that is damaged, or not a shared library for this machine.
    init(_ file: borrowing LibraryFile) throws {
      let dynamic = try ELFDynamicSegment(file, header: ELFHeader(file))
      symbols = try ELFSymbols(file, dynamic)
      try checkVersions(file, dynamic)
      try ELFRelocations(dynamic, symbols).check(file)
    }

    /// Throws if the library cannot be opened as a plugin of this ABI.
    func checkEntry(_ path: String) throws {
      let versions = symbols.suffixes(ofNamesWithPrefix: PluginEntry.symbolPrefix)
      if versions.contains(String(PluginEntry.version)) { return }
      guard let other = versions.compactMap({ Int($0) }).max() else {
        throw Failure("\(path): not a LossKit plugin: it does not export \(PluginEntry.symbol)")
      }
      throw Failure(
        "\(path): made for plugin ABI \(other), this is \(PluginEntry.version); build it with the header of this version"
      )
    }
  }

  /// Throws if a file cannot be opened as a plugin of this ABI, with the reason.
  func checkELF(_ file: borrowing LibraryFile) throws {
    try ELFLibrary(file).checkEntry(file.path)
  }
#endif
