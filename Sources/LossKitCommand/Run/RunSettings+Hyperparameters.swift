import LossKit
import LossKitRuntime
import LossKitTraining

extension RunSettings {
  /// The same settings, with names that are not keys resolved to hyperparameters or policy options.
  ///
  /// Throws for an unknown name, with the nearest ones, and for one that both an objective and the policy have.
  func resolved(_ schema: RunSchema, hyperparameters: [String], options: [String]) throws -> RunSettings {
    try replacing { entry in
      guard !schema.keys.contains(where: { $0.name == entry.key }), schema.trainingKey(entry.key) == nil else {
        return entry
      }
      switch (hyperparameters.contains(entry.key), options.contains(entry.key)) {
      case (true, false): return entry.moved(to: .set)
      case (false, true): return entry.moved(to: .policySet)
      case (true, true):
        throw Failure(
          "\(entry.key): the objective and the policy have it; write it under set or under policy_set")
      case (false, false): throw entry.unknown(among: schema.names + hyperparameters + options)
      }
    }
  }
}

extension RunSettings.Entry {
  fileprivate func moved(to key: RunKey) -> Self { Self(key: key.name, value: "\(self.key)=\(value)", origin: origin) }

  fileprivate func unknown(among names: [String]) -> Failure {
    switch origin {
    case .commandLine:
      let options = names.map { name in "--" + (RunKey.all.first { $0.name == name }?.option ?? RunKey.option(of: name))
      }
      return Failure(unknownNameMessage("--" + RunKey.option(of: key), kind: "option", known: options))
    case .recipe(let file, let line):
      return Failure("\(file), line \(line): " + unknownNameMessage(key, kind: "recipe key", known: names))
    }
  }
}
