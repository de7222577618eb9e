import LossKit
package import LossKitRuntime
import LossKitSystem

/// A requirement on policies, with its conformance test, which throws a description of a violation. Loading from a file is not tested.
package struct PolicyRequirement: Sendable {
  /// The name in reports and for `--test`.
  package let name: String
  /// The requirement, in one line.
  package let summary: String
  private let needsTraining: Bool
  private let test: @Sendable (PolicySubject) throws -> String

  private init(
    _ name: String, _ summary: String, needsTraining: Bool = false,
    test: @escaping @Sendable (PolicySubject) throws -> String
  ) {
    self.name = name
    self.summary = summary
    self.needsTraining = needsTraining
    self.test = test
  }

  /// Tests the requirement.
  package func verdict(on subject: PolicySubject) throws -> Verdict {
    guard subject.type.canCreate else { return .notTested("it can only be loaded from a file") }
    if needsTraining, !subject.type.isTrainable { return .notTested("it is not trainable") }
    return .met(try test(subject))
  }

  /// All requirements, in the order of reports.
  package static let all: [PolicyRequirement] = [
    PolicyRequirement("creates", "an instance is created, counts tokens and rejects an empty response") { subject in
      let policy = try subject.make()
      let counts = try policy.measure(subject.texts()).tokenCounts
      guard counts.allSatisfy({ $0 > 0 }) else { throw Failure("it counts no tokens in a response that is not empty") }
      guard counts == (try policy.measure(subject.texts()).tokenCounts) else {
        throw Failure("it counts different tokens when called again")
      }
      subject.note("an empty response")
      do {
        _ = try policy.measure(Texts(prompts: ["a"], responses: [["", "b"]]))
        throw Violation("it accepts an empty response; that must be an error")
      } catch is Failure {}
      return "\(counts.reduce(0, +)) tokens"
    },
    PolicyRequirement("forward", "every column is written, finite, and equal for equal calls and equal seeds") {
      subject in
      let policy = try subject.make()
      let first = try subject.forward(policy)
      try subject.expect(try subject.forward(policy), equals: first, "when called again")
      try subject.expect(try subject.forward(subject.make()), equals: first, "in another instance of the same seed")
      if let high = first["policy_logp"]?.first(where: { $0 > 0 }) {
        throw Failure("a log-probability is \(high), above 0")
      }
      return "\(first.count) columns"
    },
    PolicyRequirement(
      "copies", "a copy gives the same columns, and keeps them while its original is trained", needsTraining: true
    ) {
      subject in
      let policy = try subject.make()
      let first = try subject.forward(policy)
      let copy = try policy.copy()
      try subject.expect(try subject.forward(copy), equals: first, "in a copy")
      try subject.train(policy)
      try subject.expect(try subject.forward(copy), equals: first, "in a copy, after its original was trained")
      return ""
    },
    PolicyRequirement(
      "trains", "a step along the gradient of the log-probabilities increases them", needsTraining: true
    ) {
      subject in
      guard subject.type.columns.contains(.logProbability) else { return "it has no differentiable policy_logp" }
      let policy = try subject.make()
      let before = try subject.forward(policy)["policy_logp"]?.reduce(0, +) ?? 0
      let norm = try subject.train(policy)
      let after = try subject.forward(policy)["policy_logp"]?.reduce(0, +) ?? 0
      guard norm > 0 else { throw Failure("the gradient has norm \(norm)") }
      guard after > before else { throw Failure("the sum of the log-probabilities goes from \(before) to \(after)") }
      return "from \(before.short) to \(after.short)"
    },
    PolicyRequirement(
      "activations", "between forward and backward, calls of other instances or without keeping have no effect",
      needsTraining: true
    ) { subject in
      let alone = try subject.make(), policy = try subject.make()
      let reference = try policy.copy(), other = try subject.make()
      let expected = try subject.train(alone)
      let norm = try subject.train(policy) {
        _ = try subject.forward(reference, subject.otherTexts())
        _ = try subject.forward(other, subject.otherTexts(), keeping: true)
        _ = try subject.forward(policy, subject.otherTexts())
      }
      guard norm == expected else {
        throw Failure("the gradient has norm \(norm) after other calls, and \(expected) without them")
      }
      try subject.expect(
        try subject.forward(policy), equals: try subject.forward(alone), "after a step with other calls before backward"
      )
      return ""
    },
    PolicyRequirement(
      "references", "a column per reference has the values of each, in order, and a step along its gradient",
      needsTraining: true
    ) { subject in
      let names = subject.type.columns.filter(\.isPerReference).map(\.name)
      guard !names.isEmpty else { return "it has no column per reference" }
      let policy = try subject.make()
      let references = [try policy.copy(), try subject.make(seed: subject.seed &+ 1).copy()]
      let alone = try references.map { try subject.compare(policy, with: [$0]) }
      let orders = [[0, 1], [1, 0]]
      let together = try orders.map { order in try subject.compare(policy, with: order.map { references[$0] }) }
      for name in names {
        let values = alone.map { $0[name] ?? [] }
        let distance = zip(values[0], values[1]).map { abs($0 - $1) }.max() ?? 0
        guard distance > 0 else { throw Failure("\(name) is the same for two references that differ") }
        for (order, columns) in zip(orders, together) {
          let expected = order.flatMap { values[$0] }
          // Sums in another order may differ in the last digits.
          guard zip(columns[name] ?? [], expected).allSatisfy({ abs($0 - $1) <= 1e-3 * distance }) else {
            throw Failure("\(name) has different values with two references than with each alone")
          }
        }
      }
      for column in subject.type.columns where column.isPerReference && column.isDifferentiable {
        try subject.approach(references, column)
      }
      return "\(names.count) columns"
    },
    PolicyRequirement("saves", "a saved instance has the same columns when loaded", needsTraining: true) { subject in
      let policy = try subject.make()
      try subject.train(policy)
      let first = try subject.forward(policy)
      try subject.expect(
        try subject.forward(subject.reloaded(policy)), equals: first, "after it was saved and loaded")
      return ""
    },
    PolicyRequirement("identity", "equal instances state equal identities, and a step changes the digest") { subject in
      let policy = try subject.make()
      guard let first = try subject.identity(policy) else { return "it states no identity" }
      func expect(_ other: PolicyInstance, _ condition: String) throws {
        let found = try subject.identity(other)
        guard found != first else { return }
        let names = first.facts.filter { found?.facts.contains($0) != true }.map(\.name)
        let what = names.isEmpty ? "a different digest" : "a different value of \(names.joined(separator: ", "))"
        throw Failure("it states \(what) \(condition)")
      }
      try expect(policy, "when called again")
      try expect(try subject.make(), "in another instance of the same seed")
      guard subject.type.isTrainable, let digest = first.digest else { return "\(first.facts.count) facts" }
      let copy = try policy.copy()
      try expect(copy, "in a copy")
      try expect(try subject.reloaded(policy), "after it was saved and loaded")
      guard try subject.train(policy) > 0 else { return "\(first.facts.count) facts" }
      guard try subject.identity(policy)?.digest != digest else {
        throw Failure("its digest is the same after a step that moved the weights")
      }
      try expect(copy, "in a copy, after its original was trained")
      return "\(first.facts.count) facts"
    },
    PolicyRequirement("chat", "conversations are rendered, equally for equal ones, and their texts are taken") {
      subject in
      let policy = try subject.make()
      guard policy.hasChatTemplate else { return "it has no chat template" }
      let prompt = Conversation([.init(role: "user", content: "Why?")])
      let whole = Conversation(prompt.messages + [.init(role: "assistant", content: "So.")])
      subject.note("render")
      let texts = try policy.render([whole, prompt], forGeneration: false)
      guard texts == (try policy.render([whole, prompt], forGeneration: false)) else {
        throw Failure("it renders other texts when called again")
      }
      guard texts[0] != texts[1]
      else { throw Failure("it renders the same text with an answer as without") }
      subject.note("set_text_form")
      try policy.setTextForm(.rendered)
      let rendered = try Texts(prompts: [texts[1]], responses: [[texts[0]]])
      _ = try policy.forward(rendered, columns: ["policy_logp"])
      try policy.setTextForm(.plain)
      return ""
    },
    PolicyRequirement("samples", "samples depend on the seed alone, and have the log-probabilities of forward") {
      subject in
      guard subject.type.canSample else { return "it draws no samples" }
      return try subject.checkSamples()
    },
    PolicyRequirement("environment", ComponentRequirement.environment.summary) { subject in
      let finding = try traces(of: { _ = try subject.forward(try subject.make()) })
      if let finding { throw Failure(finding) }
      return ""
    },
  ]
}

/// The policy under test.
package struct PolicySubject {
  /// The policy.
  package let type: LoadedPolicyType
  /// The seed of its weights.
  package let seed: UInt64
  /// Receives what is being tried.
  package let note: (String) -> Void

  /// Creates a test subject.
  package init(_ type: LoadedPolicyType, seed: UInt64, note: @escaping (String) -> Void = { _ in }) {
    self.type = type
    self.seed = seed
    self.note = note
  }

  fileprivate func make(seed: UInt64? = nil) throws -> PolicyInstance {
    note("create")
    return try type.create(seed: seed ?? self.seed)
  }

  /// An instance loaded from where `policy` was saved.
  fileprivate func reloaded(_ policy: PolicyInstance) throws -> PolicyInstance {
    let directory = try Files.makeTemporaryDirectory()
    defer { Files.remove(directory) }
    note("save")
    try policy.save(to: directory, withOptimizer: true)
    note("load")
    return try type.load(path: directory)
  }

  fileprivate func identity(_ policy: PolicyInstance) throws -> PolicyIdentity? {
    note("identity")
    return try policy.identity()
  }

  fileprivate func texts() throws -> Texts {
    try Texts(
      prompts: ["What is said of it?", "Größe: "],
      responses: [["A good film.", "No."], ["eins, zwei, drei", "never again"]])
  }

  /// Texts of different lengths.
  fileprivate func otherTexts() throws -> Texts {
    try Texts(
      prompts: ["Why?", "And now, for once, at length: "],
      responses: [
        ["Because it was there, and so were we.", "So."], ["ja", "that is all there was to be said about it"],
      ])
  }

  /// All columns of the texts that need no reference.
  fileprivate func forward(
    _ policy: PolicyInstance, _ others: Texts? = nil, keeping: Bool = false
  ) throws -> [String: [Double]] {
    let texts = try others ?? texts()
    let columns = type.columns.filter { !$0.isPerReference }.map(\.name)
    note("forward")
    return try policy.forward(
      texts, tokenOffsets: try offsets(policy, texts), columns: columns, keepingActivations: keeping)
  }

  /// All columns of the texts that compare with references.
  fileprivate func compare(
    _ policy: PolicyInstance, with references: [PolicyInstance], keeping: Bool = false
  ) throws -> [String: [Double]] {
    let texts = try texts()
    note("forward with \(references.count) references")
    return try policy.forward(
      texts, tokenOffsets: try offsets(policy, texts), columns: type.columns.filter(\.isPerReference).map(\.name),
      references: references, keepingActivations: keeping)
  }

  /// Takes a step that reduces a column for the last of some references; throws if it does not.
  fileprivate func approach(_ references: [PolicyInstance], _ column: Column) throws {
    let policy = try make(), texts = try texts()
    func last(_ values: [Double]) -> ArraySlice<Double> { values.suffix(values.count / references.count) }
    let before = try compare(policy, with: references, keeping: true)[column.name] ?? []
    let slopes = before.indices.map { $0 < before.count - last(before).count ? 0.0 : 1.0 }
    note("backward from \(column.name)")
    try policy.backward(
      texts, tokenOffsets: try offsets(policy, texts), references: references, gradients: [column.name: slopes])
    let norm = try policy.step(PolicyUpdate(learningRate: 1e-3, weightDecay: 0, maxGradientNorm: 1))
    let after = try compare(policy, with: references)[column.name] ?? []
    let sums = [last(before).reduce(0, +), last(after).reduce(0, +)]
    guard norm > 0, sums[1] < sums[0] else {
      throw Failure(
        "a step against the gradient of \(column.name), of norm \(norm), takes it from \(sums[0]) to \(sums[1])")
    }
  }

  /// Takes a step that raises the likelihood of all responses, with other calls before the gradient; returns the norm of the gradient.
  @discardableResult
  fileprivate func train(_ policy: PolicyInstance, between: () throws -> Void = {}) throws -> Double {
    guard type.columns.contains(.logProbability) else { return 0 }
    let values = try forward(policy, keeping: true)
    try between()
    note("backward")
    let texts = try texts()
    let slopes = (values["policy_logp"] ?? []).map { _ in -1.0 }
    try policy.backward(texts, tokenOffsets: try offsets(policy, texts), gradients: ["policy_logp": slopes])
    note("step")
    return try policy.step(PolicyUpdate(learningRate: 1e-3, weightDecay: 0, maxGradientNorm: 1))
  }

  fileprivate func expect(
    _ found: [String: [Double]], equals expected: [String: [Double]], _ condition: String
  ) throws {
    for name in expected.keys.sorted() where bits(found[name] ?? []) != bits(expected[name] ?? []) {
      throw Failure("\(name) has different values \(condition)")
    }
  }

  private func offsets(_ policy: PolicyInstance, _ texts: Texts) throws -> [Int] {
    try policy.measure(texts).tokenCounts.reduce(into: [0]) { $0.append(($0.last ?? 0) + Int($1)) }
  }
}
