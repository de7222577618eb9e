import LossKit
import LossKitSystem

/// The contents of a directory of the search path.
struct PluginDirectory {
  private(set) var libraries: [KnownLibrary] = []
  private(set) var problems: [PluginProblem] = []

  /// Finds out what the manifests and libraries of a directory offer, in order of their names: from the index, or by
  /// opening them. A file that cannot be used becomes a problem; a library that a manifest names need not be a plugin
  /// itself.
  init(_ path: String, allowedDigests: Set<String>?, indexer: PluginIndexer?, index: inout LibraryIndex) {
    do {
      let scan = try DirectoryScan(path, allowedDigests)
      for (file, result) in zip(scan.files, scan.results(indexer, &index)) {
        switch result {
        case .library(let library): libraries.append(library)
        case .problem(let message): problems.append(PluginProblem(path: file, message: message))
        }
      }
      let named = Set(libraries.compactMap(\.offers.functionLibrary))
      problems.removeAll { named.contains($0.path) }
    } catch {
      problems.append(PluginProblem(path: path, message: "\(error)"))
    }
  }
}

/// One scan of a directory's files.
private struct DirectoryScan: ~Copyable {
  enum Result {
    case library(KnownLibrary)
    case problem(String)
  }

  private let directory: TrustedDirectory
  private let allowedDigests: Set<String>?
  private let names: [String]
  let files: [String]

  init(_ path: String, _ allowedDigests: Set<String>?) throws {
    let failure = PluginLibrary.searchFailure(path)
    let directory = try TrustedDirectory(path: path, orFail: failure)
    let all: [String]
    do { all = PluginLibrary.candidates(try directory.descriptor.names()) } catch { throw failure(error) }
    self.directory = directory
    self.allowedDigests = allowedDigests
    names = all.filter { $0.hasSuffix(FunctionManifest.suffix) } + all.filter { !$0.hasSuffix(FunctionManifest.suffix) }
    let base = path.hasSuffix("/") ? path : path + "/"
    files = names.map { base + $0 }
  }

  /// The result for each file.
  func results(_ indexer: PluginIndexer?, _ index: inout LibraryIndex) -> [Result] {
    var results = [Result?](repeating: nil, count: files.count)
    var unknown: [(place: Int, stamp: FileStamp)] = []
    for place in files.indices {
      do {
        let stamp = try stamp(place)
        if let known = try known(place, stamp, index) {
          results[place] = known
        } else {
          try examine(place)
          unknown.append((place, stamp))
        }
      } catch {
        results[place] = .problem("\(error)")
      }
    }
    let outcomes = indexer?.outcomes(of: unknown.map { files[$0.place] })
    for (order, (place, stamp)) in unknown.enumerated() {
      results[place] = outcomes.map { learn(place, stamp, $0[order], &index) } ?? open(place)
    }
    return results.compactMap { $0 }
  }

  /// The stamp of a file whose owner and permissions allow opening it.
  private func stamp(_ place: Int) throws -> FileStamp {
    guard let status = directory.status(of: names[place]) else { throw Failure("\(files[place]): no such file") }
    try LibraryFile.check(status, path: files[place])
    return FileStamp(status)
  }

  /// What is already known of a file: from the open library, or from the index.
  private func known(_ place: Int, _ stamp: FileStamp, _ index: LibraryIndex) throws -> Result? {
    let path = files[place]
    if allowedDigests != nil {
      try LibraryFile(name: names[place], path: path, in: directory).checkDigest(allowedDigests)
    }
    if let library = try PluginLibrary.opened(path, stamp) { return .library(KnownLibrary(library)) }
    switch index.finding(path, stamp) {
    case .offers(let offers): return .library(KnownLibrary(path, stamp.identity, offers))
    case .died(let message, _): return .problem(message)
    case nil: return nil
    }
  }

  /// Throws if a file can be rejected without starting a process.
  private func examine(_ place: Int) throws {
    #if os(Linux)
      if names[place].hasSuffix(FunctionManifest.suffix) { return }
      try checkELF(LibraryFile(name: names[place], path: files[place], in: directory))
    #endif
  }

  private func learn(
    _ place: Int, _ stamp: FileStamp, _ outcome: PluginIndexer.Outcome, _ index: inout LibraryIndex
  ) -> Result {
    switch outcome {
    case .offers(let offers):
      index.add(files[place], stamp, .offers(offers))
      return .library(KnownLibrary(files[place], stamp.identity, offers))
    case .refused(let message): return .problem(message)
    case .died(let message):
      index.add(files[place], stamp, .died(message, at: nanosecondsNow))
      return .problem(message)
    }
  }

  /// Opens a library in this process, because no other can be started.
  private func open(_ place: Int) -> Result {
    do {
      return .library(KnownLibrary(try PluginLibrary.open(files[place], allowedDigests: allowedDigests)))
    } catch {
      return .problem("\(error)")
    }
  }
}

extension PluginLibrary {
  /// The files of a directory that would be opened as plugins, by name. Throws if it cannot be read.
  ///
  /// If there are manifests, libraries without an entry function are left out: a manifest may name them.
  package static func files(in directory: String) throws -> [String] {
    let path = try absolutePath(directory)
    let names: [String]
    do {
      let file = try FileDescriptor.open(path, .readOnly, options: [.directory, .closeOnExec])
      names = candidates(try file.closeAfter { try file.names() })
    } catch let error as Errno {
      throw searchFailure(path)(error)
    }
    let files = names.map { path.hasSuffix("/") ? path + $0 : "\(path)/\($0)" }
    guard files.contains(where: { $0.hasSuffix(FunctionManifest.suffix) }) else { return files }
    return files.filter { file in
      #if os(Linux)
        if file.hasSuffix(FunctionManifest.suffix) { return true }
        guard let symbols = try? exportedSymbols(of: file) else { return true }
        return symbols.contains { $0.hasPrefix(PluginEntry.symbolPrefix) }
      #else
        return true
      #endif
    }
  }

  /// The suffix of manifest file names.
  package static var manifestSuffix: String { FunctionManifest.suffix }

  fileprivate static func searchFailure(_ path: String) -> (Errno) -> Failure {
    { Failure("\(path): cannot be searched for plugins: \($0)") }
  }

  /// The file names of libraries and manifests, in order.
  fileprivate static func candidates(_ names: [String]) -> [String] {
    #if canImport(Darwin)
      let suffix = ".dylib"
    #else
      let suffix = ".so"
    #endif
    return names.filter { ($0.hasPrefix("lib") && $0.hasSuffix(suffix)) || $0.hasSuffix(FunctionManifest.suffix) }
      .sorted()
  }
}
