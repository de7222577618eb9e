import LossKit

extension PluginRegistry {
  /// Adds a function of the running program as a loss or a reward, before everything of the search path.
  ///
  /// `function` and `gradient` are C function pointers of the declaration's prototypes; a prototype may have an argument
  /// `void *user_data`, which gets `userData`. They have to stay valid as long as this registry or an objective made of it does,
  /// and may be called from any thread, any number at once: a function that cannot bear that has to keep others out itself. They
  /// must not throw, exit, or call back into this registry.
  ///
  /// Throws for a prototype that does not parse (with the column), an argument that nothing can be bound to, a gradient without
  /// its prototype or the other way round, and a name that something opened or registered by hand has already.
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

  /// Takes a registered function away, so that its name is free; objectives made of it go on. Throws where there is none.
  public func unregister(_ name: String, kind: LoadedComponent.Kind) throws {
    try removeFunction(named: name, kind: kind)
  }
}

extension LoadedComponent.FunctionSource {
  /// A function of the running program. It can be told from others, in another process too, where its code lies in files and it
  /// takes no data of its own; otherwise each registration is another function.
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
