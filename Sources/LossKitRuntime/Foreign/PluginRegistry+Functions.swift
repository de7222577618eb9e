import LossKit

extension PluginRegistry {
  /// Registers a function of the running program as a loss or a reward, with precedence over the search path.
  ///
  /// `function` and `gradient` are C function pointers of the declaration's prototypes; a prototype's argument `void
  /// *user_data` gets `userData`. They must stay valid as long as this registry and any objective made from it, and may
  /// be called from any number of threads at once: a function that is not thread-safe must lock. They must not throw,
  /// exit, or call back into this registry.
  ///
  /// Throws for a prototype that does not parse (with the column), an argument that nothing can be bound to, a gradient
  /// without its prototype or the reverse, and a name already taken by something opened or registered explicitly.
  @discardableResult
  public func register(
    _ declaration: FunctionDeclaration, function: UnsafeRawPointer, gradient: UnsafeRawPointer? = nil,
    userData: UnsafeMutableRawPointer? = nil
  ) throws -> LoadedComponent {
    guard (declaration.gradientPrototype == nil) == (gradient == nil) else {
      throw Failure(
        "\(declaration.name): a gradient is a prototype and a function; "
          + (gradient == nil ? "the function is missing" : "the prototype is missing"))
    }
    let component = try LoadedComponent.function(declaration, place: LoadedComponent.runningProgram) { _ in
      .runningProgram(.init(function: function, gradient: gradient, userData: userData), declaration)
    }
    try add(PluginLibrary(path: LoadedComponent.runningProgram, components: [component]))
    return component
  }

  /// Unregisters a function, which frees its name; objectives made from it keep working. Throws if there is none.
  public func unregister(_ name: String, kind: LoadedComponent.Kind) throws {
    try removeFunction(named: name, kind: kind)
  }
}

extension LoadedComponent.FunctionSource {
  /// Creates the library of a function of the running program. If its code is in files and it takes no user data, it
  /// can be identified, even in another process; otherwise each registration counts as a different function.
  fileprivate static func runningProgram(
    _ addresses: ForeignComponent.Addresses, _ declaration: FunctionDeclaration
  ) -> Self {
    let functions = [addresses.function] + (addresses.gradient.map { [$0] } ?? [])
    let places = functions.compactMap { OpenedFile.containing($0) }
    guard places.count == functions.count, addresses.userData == nil else {
      return Self(addresses: addresses, files: [], codeName: "registration \(UInt64.random(in: 0 ... .max))")
    }
    let prototypes = [declaration.prototype, declaration.gradientPrototype ?? ""]
    let names = zip(prototypes, places).map { "\($0) at \($1.offset)" }
    return Self(addresses: addresses, files: places.map(\.file), codeName: names.joined(separator: "; "))
  }
}
