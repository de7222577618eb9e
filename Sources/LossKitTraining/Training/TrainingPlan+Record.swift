import LossKit
import LossKitRuntime

extension TrainingPlan {
  private typealias Fact = RunRecord.Fact

  /// The entries of `run.json` for a run of this plan with a policy and references of these types, known before any of them is created.
  func record(policy type: LoadedPolicyType, references: [LoadedPolicyType]) throws -> RunRecord {
    func facts(_ data: PreferenceDataset?, _ name: String) -> [Fact] {
      guard let data else { return [Fact(name: name, value: "none")] }
      return [
        Fact(name: name, value: data.source, mayChange: true),
        .digest(
          "\(name)_digest", data.digest, change: "\(data.source) holds other examples than the run was begun with"),
        Fact(name: "\(name)_report", value: "\(data.report)", mayChange: true),
      ]
    }
    let head = [
      Fact(name: "losskit_version", value: lossKitVersion),
      Fact(name: "objective", value: objective.description, mayChange: true),
      .digest(
        "objective_hash", objective.hash, change: "\(objective.description) computes something else than before",
        words: "objective"),
      Fact(name: "gradient", value: objective.hasNumericGradient ? "numeric gradient" : "exact", mayChange: true),
      Fact(name: "policy_type", value: "\(type.name) \(type.version)"),
      Fact(name: "model_name_or_path", value: start ?? "none"),
      Fact(
        name: "reference",
        value: self.references.isEmpty ? "the policy's start" : self.references.joined(separator: ", ")),
    ]
    let settings = TrainingConfiguration.keys.map { key in
      Fact(name: key.name, value: key.text(configuration), mayChange: !key.decidesCourse, fallback: key.defaultText)
    }
    let steps = configuration.totalSteps(promptCount: trainingData.examples.count)
    return RunRecord(
      facts: head + (try libraries(policy: type, references: references)) + facts(trainingData, "data")
        + facts(evaluationData, "eval_data") + settings
        + [Fact(name: Self.totalStepsName, value: "\(steps)", mayChange: true)])
  }

  /// The name of the fact that records the number of updates.
  static let totalStepsName = "total_steps"

  /// The path and digest of every library whose code takes part in the run.
  private func libraries(policy: LoadedPolicyType, references: [LoadedPolicyType]) throws -> [Fact] {
    var facts: [Fact] = []
    func add(_ file: OpenedFile, _ name: String, _ subject: String) throws {
      let name = "library_\(name)"
      guard !facts.contains(where: { $0.name == name }) else { return }
      facts.append(Fact(name: name, value: file.path, mayChange: true))
      facts.append(
        .digest(
          "\(name)_digest", try file.digest(),
          change: "\(subject) has changed since the run was begun: \(file.path)"))
    }
    for part in objective.terms.map(\.loss) + (objective.reward.map { [$0] } ?? []) {
      let component = part.component
      let name = "\(component.kind.rawValue)_\(component.name)"
      let isFunction = component.files.count > 1
      for (number, file) in component.files.enumerated() {
        let isManifest = isFunction && number == 0
        try add(
          file, number == 0 ? name : "\(name)_\(number)",
          isManifest ? "the manifest of \(component.name)" : "the library of \(component.name)")
      }
    }
    for type in [policy] + references {
      if let file = type.file { try add(file, "policy_\(type.name)", "the library of \(type.name)") }
    }
    return facts
  }

  /// The entries of `run.json` for the policy, which declares `identity`.
  ///
  /// A resumed run must match all facts that the policy declares; for a policy that declares none, it must match the given options.
  func facts(ofPolicy identity: PolicyIdentity?) -> [RunRecord.Fact] {
    [Fact(name: "policy", value: policy, mayChange: identity != nil)]
      + (identity?.facts ?? []).map { Fact(name: "policy.\($0.name)", value: $0.value) }
  }

  /// The digests that the initial models declare.
  static func startFacts(policy: PolicyIdentity?, references: [PolicyInstance]) throws -> [RunRecord.Fact] {
    let digests = try references.map { try $0.identity()?.digest ?? "not stated" }
    return [
      Fact(name: startFactNames[0], value: policy?.digest ?? "not stated", mayChange: true),
      Fact(
        name: startFactNames[1], value: digests.isEmpty ? "the policy's" : digests.joined(separator: ", "),
        mayChange: true),
    ]
  }

  /// The names of `startFacts`, which do not change when a run is resumed.
  static let startFactNames = ["policy_digest", "reference_digest"]
}
