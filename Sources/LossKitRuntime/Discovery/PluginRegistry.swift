import LossKit
import Synchronization

/// Finds losses, rewards, policies and objectives by name, in libraries opened explicitly and in those of a search
/// path.
///
/// Names are those that the libraries declare, whatever their files are called. Libraries opened explicitly take
/// precedence over the search path, and earlier directories over later ones. If two libraries of one directory, or two
/// opened explicitly, claim the same name, only that name is unusable. The search path is read once, when it is first
/// needed.
public final class PluginRegistry: Sendable {
  /// What a term of an objective can name.
  public enum Term: Sendable {
    /// A loss.
    case loss(LoadedComponent)
    /// A named objective.
    case objective(LoadedObjective)
  }

  /// The directories searched for libraries.
  public let searchPath: PluginSearchPath

  private let allowedDigests: Set<String>?
  private let indexer: PluginIndexer?
  private let indexFile: IndexFile
  private let state = Mutex(State())

  private struct State {
    var opened: [PluginLibrary] = []
    var scanned: [PluginDirectory]?
    var names: PluginNames?
  }

  /// Creates a registry. If `allowedDigests` is given, only libraries whose SHA-256 sum (hexadecimal) is among them are
  /// opened.
  ///
  /// With an `indexer`, separate processes find out what the libraries of the search path offer, and the result is
  /// cached in the user's cache directory; this process opens a library when something from it is requested. Without
  /// one, or if its program cannot be started, this process opens them all.
  public convenience init(
    searchPath: PluginSearchPath = .empty, allowedDigests: Set<String>? = nil, indexer: PluginIndexer? = nil
  ) {
    self.init(searchPath: searchPath, allowedDigests: allowedDigests, indexer: indexer, indexFile: .ofUser)
  }

  init(searchPath: PluginSearchPath, allowedDigests: Set<String>?, indexer: PluginIndexer?, indexFile: IndexFile) {
    self.searchPath = searchPath
    self.allowedDigests = allowedDigests
    self.indexer = indexer
    self.indexFile = indexFile
  }

  /// Opens a library by its path and adds what it offers, with precedence over the search path.
  @discardableResult
  public func open(path: String) throws -> PluginLibrary {
    let library = try PluginLibrary.open(path, allowedDigests: allowedDigests)
    state.withLock { state in
      guard !state.opened.contains(where: { $0 === library }) else { return }
      state.opened.append(library)
      state.names = nil
    }
    return library
  }

  /// Adds functions of the running program. Throws for a name already taken by something added or opened explicitly.
  func add(_ functions: PluginLibrary) throws {
    try state.withLock { state in
      let taken = PluginNames([state.opened.map { KnownLibrary($0) }])
      for offer in functions.offers.offers {
        guard let other = try taken.claimant(of: offer.name, in: offer.kind.space) else { continue }
        throw Failure("\(offer.name): \(other) has this name; unregister it, or take another name")
      }
      state.opened.append(functions)
      state.names = nil
    }
  }

  /// Removes a function of the running program. Throws if none has the name.
  func removeFunction(named name: String, kind: LoadedComponent.Kind) throws {
    try state.withLock { state in
      let functions = state.opened.indices.filter { state.opened[$0].path == LoadedComponent.runningProgram }
      let isMeant = { (component: LoadedComponent) in component.name == name && component.kind == kind }
      guard let index = functions.first(where: { state.opened[$0].components.contains(where: isMeant) }) else {
        let known = functions.flatMap { state.opened[$0].components }.filter { $0.kind == kind }.map(\.name)
        throw Failure(unknownNameMessage(name, kind: "registered \(kind)", known: known))
      }
      state.opened.remove(at: index)
      state.names = nil
    }
  }

  /// A loss or a reward parameterization. Throws for an unknown name, listing the nearest ones, and for a name claimed
  /// twice.
  public func component(named name: String, kind: LoadedComponent.Kind) throws -> LoadedComponent {
    switch kind {
    case .loss:
      switch try find(name, in: .term, kind: "loss", among: .loss) {
      case .component(let component): return component
      default: throw Failure("'\(name)' is a named objective, not a loss; a loss is needed here")
      }
    case .reward:
      guard case .component(let component) = try find(name, in: .reward, kind: "reward", among: .reward) else {
        throw Failure("'\(name)' is not a reward")
      }
      return component
    }
  }

  /// The reward that a loss goes by if its objective names none; nil for one without. Throws as `component(named:kind:)` does, and names the
  /// library whose declaration has the name.
  package func defaultReward(of loss: LoadedComponent) throws -> LoadedComponent? {
    guard let name = loss.defaultReward else { return nil }
    do {
      return try component(named: name, kind: .reward)
    } catch let failure as Failure {
      throw Failure(
        "\(loss.library): default reward of '\(loss.name)': \(failure.message)\n"
          + "correct it there, or name a reward in the objective, as in '\(loss.name) @ log-ratio'")
    }
  }

  /// The loss or the named objective that a term of an objective names. Throws as `component(named:kind:)` does.
  public func term(named name: String) throws -> Term {
    switch try find(name, in: .term, kind: "loss", among: .loss, .objective) {
    case .component(let component): return .loss(component)
    case .objective(let objective): return .objective(objective)
    case .policyType: throw Failure("'\(name)' is a policy, not a loss")
    }
  }

  /// A policy. Throws as `component(named:kind:)` does.
  public func policyType(named name: String) throws -> LoadedPolicyType {
    guard case .policyType(let type) = try find(name, in: .policy, kind: "policy", among: .policy) else {
      throw Failure("'\(name)' is not a policy")
    }
    return type
  }

  /// A named objective. Throws as `component(named:kind:)` does.
  public func objective(named name: String) throws -> LoadedObjective {
    guard case .objective(let objective) = try find(name, in: .term, kind: "objective", among: .objective) else {
      throw Failure("'\(name)' is a loss, not a named objective")
    }
    return objective
  }

  /// All entries, with those that are shadowed or in conflict, and the libraries that cannot be used.
  public var listing: PluginListing {
    let (names, problems) = current
    return PluginListing(entries: names.entries, problems: problems)
  }

  private func find(
    _ name: String, in space: PluginNames.Space, kind: String, among kinds: PluginEntryDescription.Kind...
  ) throws -> PluginLibrary.Item {
    let (names, problems) = current
    guard let claimant = try names.claimant(of: name, in: space) else {
      throw Failure(
        unknownNameMessage(name, kind: kind, known: names.names(where: kinds.contains)) + Self.remark(on: problems))
    }
    let path = claimant.library.path
    let library = try claimant.library.opened ?? PluginLibrary.open(path, allowedDigests: allowedDigests)
    guard let item = library.item(claimant.offer) else {
      throw Failure(
        "\(path): it offered the \(claimant.offer.kind) '\(name)' when it was examined, and no longer does; what a library "
          + "offers must depend on its file alone")
    }
    return item
  }

  /// The names and problems, computed on first use.
  private var current: (names: PluginNames, problems: [PluginProblem]) {
    state.withLock { state in
      let scanned = state.scanned ?? scan()
      state.scanned = scanned
      let names = state.names ?? PluginNames([state.opened.map { KnownLibrary($0) }] + scanned.map(\.libraries))
      state.names = names
      return (names, scanned.flatMap(\.problems))
    }
  }

  private func scan() -> [PluginDirectory] {
    if searchPath.directories.isEmpty { return [] }
    var index = indexer == nil ? LibraryIndex() : indexFile.read()
    let scanned = searchPath.directories.map {
      PluginDirectory($0, allowedDigests: allowedDigests, indexer: indexer, index: &index)
    }
    if indexer != nil { indexFile.write(index) }
    return scanned
  }

  /// Lists libraries that cannot be used: one of them may have had the unknown name.
  private static func remark(on problems: [PluginProblem]) -> String {
    guard !problems.isEmpty else { return "" }
    let shown = problems.prefix(3).map { "\n  \($0.message)" }.joined()
    let more = problems.count > 3 ? "\n  and \(problems.count - 3) more" : ""
    return "\nnot usable in the plugin path:\(shown)\(more)"
  }
}
