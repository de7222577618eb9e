import LossKit

extension LoadedComponent {
  /// The place of functions that belong to the running program.
  static let runningProgram = "this program"

  /// The source of a function: its addresses, the files of its code, and what identifies it within them.
  struct FunctionSource {
    let addresses: ForeignComponent.Addresses
    let files: [OpenedFile]
    var codeName: String?
  }

  /// Makes a plain function a component. `place` is the file that declares it.
  ///
  /// Throws a failure that begins with `place` for prototypes that do not parse, arguments that nothing can be bound
  /// to, and invalid declarations; `source` is only called for the functions once all that is valid.
  static func function(
    _ declaration: FunctionDeclaration, place: String,
    from source: (FunctionBinding) throws -> FunctionSource
  ) throws -> LoadedComponent {
    let component: ForeignComponent
    let found: FunctionSource
    do {
      try declaration.check()
      let binding = try FunctionBinding(declaration)
      try declaration.checkNotes(on: binding.hyperparameters.map(\.name))
      found = try source(binding)
      component = try ForeignComponent(declaration, binding, at: found.addresses)
    } catch let failure as Failure {
      throw Failure("\(place): \(failure.message)")
    }
    return try LoadedComponent(
      component.descriptor, library: place, owner: component, files: found.files, codeName: found.codeName)
  }
}

extension FunctionDeclaration {
  /// Throws for settings of the other kind, and for texts that C would cut off.
  fileprivate func check() throws {
    for text in [name, version, summary, citation, documentation, defaultReward ?? ""]
      + hyperparameters.values.flatMap(
        { [$0.summary, $0.symbol] })
    where text.utf8.contains(0) {
      throw Failure("a text holds a zero byte; take it out")
    }
    switch kind {
    case .loss:
      guard !isZeroAtReference else {
        throw Failure("zero_at_reference: it is a claim about rewards, and '\(name)' is a loss; leave it out")
      }
    case .reward:
      guard !isShiftInvariant else {
        throw Failure("shift_invariant: it is a claim about losses, and '\(name)' is a reward; leave it out")
      }
      guard defaultReward == nil else {
        throw Failure("default_reward: '\(name)' is a reward itself; leave it out")
      }
    }
  }

  /// Throws for notes on unknown hyperparameters.
  fileprivate func checkNotes(on known: [String]) throws {
    for name in hyperparameters.keys.sorted() where !known.contains(name) {
      throw Failure("hyperparameters: " + unknownNameMessage(name, kind: "hyperparameter", known: known))
    }
  }
}
